from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.beats import Beat
from rq_agent.broker.errors import QueueInUse, SelectorError, UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Workers
from rq_agent.broker.queue_removal import QueueRemoval
from rq_agent.broker.queue_settings import QueueSettings

from .moving import NEEDS, add_mixed, blocked, in_state
from .steps import GPU, add, beat, claim, claim_one, events, fields, finish, messages, state


async def delete(namespace: Namespace, queue: str = "q", *, force: bool = False) -> None:
    await QueueRemoval(namespace).delete(queue, force=force)


async def tell_queues(namespace: Namespace, worker: str, *queues: str) -> Beat:
    """Beat once, as a live worker of these queues does."""
    listed = ",".join(f'"{queue}"' for queue in queues)
    return await beat(namespace, worker=worker, facts={"queues": f"[{listed}]"})


async def empty(namespace: Namespace) -> list[TaskId]:
    """Make a queue of three shapes whose tasks have all ended."""
    ids = await add_mixed(namespace, 3)
    for claimed in (await claim(namespace, needs=NEEDS, limit=3)).claims:
        await finish(namespace, claimed, "succeeded")
    return ids


async def test_an_empty_queue_leaves_nothing_behind(namespace: Namespace) -> None:
    ids = await empty(namespace)
    await QueueSettings(namespace).limit("q", 3)
    await QueueSettings(namespace).age("q", 60_000)
    assert (await claim(namespace, needs=NEEDS, park=True)).parked
    await Workers(namespace).leave("w")

    await delete(namespace)

    assert await Lookups(namespace).queues() == []
    p = namespace.prefix
    left = [raw.decode().removeprefix(p) async for raw in namespace.redis.scan_iter(f"{p}*")]
    assert not [key for key in left if key.startswith(("q:", "qm:", "qh:", "ql:", "qp:", "aqs"))]
    assert [await state(namespace, i) for i in ids] == ["succeeded"] * 3
    assert (await fields(namespace, ids[0]))["queue"] == "q"
    assert await events(namespace, "queue_deleted") == [
        {"id": "", "event": "queue_deleted", "queue": "q"}
    ]


@pytest.mark.parametrize("name", ["running", "queued", "delayed", "waiting", "draft"])
async def test_a_task_that_is_not_final_holds_it(namespace: Namespace, name: str) -> None:
    await empty(namespace)
    task_id = await in_state(namespace, name)

    with pytest.raises(QueueInUse, match=rf"not final \({task_id} is {name}\)") as refusal:
        await delete(namespace)

    assert refusal.value.queue == "q"
    assert [q.name for q in await Lookups(namespace).queues()][-1] == "q"
    assert await state(namespace, task_id) == name


async def test_a_blocked_task_holds_it_and_force_does_not_help(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    await finish(namespace, holder, "succeeded")
    (taken,) = (await claim(namespace)).claims
    assert taken.task_id == waits

    with pytest.raises(QueueInUse, match="is running"):
        await delete(namespace, force=True)


async def test_live_workers_that_listen_are_named(namespace: Namespace) -> None:
    await empty(namespace)
    await tell_queues(namespace, "w1", "a", "q")
    await tell_queues(namespace, "w2", "q")
    await tell_queues(namespace, "w3", "qq", "a")

    with pytest.raises(QueueInUse, match="queue q is listened to by w1, w2; stop or drain"):
        await delete(namespace)

    assert len(await Lookups(namespace).queues()) == 1
    await Workers(namespace).leave("w1")
    await namespace.redis.zadd(keys.workers(namespace.prefix), {"w2": 1})  # it died
    await delete(namespace)
    assert await Lookups(namespace).queues() == []


async def test_forced_workers_go_on_with_a_queue_that_appears_again(namespace: Namespace) -> None:
    await empty(namespace)
    await tell_queues(namespace, "w", "q")
    assert (await claim(namespace, needs=NEEDS, park=True)).parked

    await delete(namespace, force=True)

    assert await Lookups(namespace).queues() == []
    await add(namespace, need=GPU)
    assert [m["c"] for m in await messages(namespace)] == ["wake"]
    taken = await claim_one(namespace, needs=NEEDS)
    assert taken.queue == "q"
    await finish(namespace, taken, "succeeded")
    assert (await claim(namespace, needs=NEEDS, park=True)).parked
    await add(namespace, need=GPU)
    assert (await messages(namespace))[-1]["c"] == "wake"


async def test_a_worker_that_comes_back_is_woken_for_the_queue_again(namespace: Namespace) -> None:
    await empty(namespace)
    assert (await claim(namespace, needs=NEEDS, park=True)).parked
    await Workers(namespace).leave("w")
    await delete(namespace)

    assert (await claim(namespace, needs=NEEDS, park=True)).parked
    await add(namespace)
    await claim_one(namespace, needs=NEEDS)
    assert (await claim(namespace, needs=NEEDS, park=True)).parked
    await add(namespace)

    assert [m["c"] for m in await messages(namespace)] == ["wake", "wake"]


async def test_a_thousand_final_tasks_are_looked_at_in_steps(namespace: Namespace) -> None:
    await add(namespace, 1500)
    async for _ in QueueRemoval(namespace).purge("q"):
        pass

    more = await namespace.scripts.delete_queue(["q", "", "", 0])
    (late,) = await add(namespace, delay_ms=60_000)
    p = namespace.prefix
    # It could have an id of long ago: then only the sequence tells that it came.
    await namespace.redis.zrem(keys.index(p, "queue", "q"), late)
    await namespace.redis.zadd(keys.index(p, "queue", "q"), {"0": 0})
    again = await namespace.scripts.delete_queue(["q", more[1], more[2], 0])

    assert more[0] == again[0] == b"more"
    assert again[1] == b""
    await namespace.redis.zadd(keys.index(p, "queue", "q"), {late: 0})
    with pytest.raises(QueueInUse, match=f"{late} is delayed"):
        await delete(namespace)


async def test_members_without_a_record_do_not_hold_it(namespace: Namespace) -> None:
    ids = await add(namespace, 2)
    for task_id in ids:
        await namespace.redis.delete(keys.task(namespace.prefix, task_id))

    await delete(namespace)

    shapes: Any = await namespace.redis.hkeys(keys.shapes(namespace.prefix))
    for shape in shapes:
        assert not await namespace.redis.exists(keys.ready_queues(namespace.prefix, shape.decode()))
    assert not (await claim(namespace)).claims
    assert await Lookups(namespace).queues() == []


@pytest.mark.parametrize("name", ["queued", "running"])
async def test_a_task_that_no_index_lists_is_not_lost(namespace: Namespace, name: str) -> None:
    task_id = await in_state(namespace, name)
    await namespace.redis.zrem(keys.index(namespace.prefix, "queue", "q"), task_id)

    with pytest.raises(QueueInUse, match=f"{task_id} is {name}"):
        await delete(namespace)


async def test_a_task_of_another_queue_does_not_hold_it(namespace: Namespace) -> None:
    await empty(namespace)
    (elsewhere,) = await add(namespace, queue="other")
    await namespace.redis.zadd(keys.index(namespace.prefix, "queue", "q"), {elsewhere: 0})

    await delete(namespace)

    assert [q.name for q in await Lookups(namespace).queues()] == ["other"]


async def test_a_queue_that_is_not_there_is_named(namespace: Namespace) -> None:
    await add(namespace, queue="training")

    with pytest.raises(SelectorError, match=r"no queue is named trainig; did you mean training\?"):
        await delete(namespace, "trainig")
    with pytest.raises(UsageError, match="is not a name"):
        await delete(namespace, "a\nb")
