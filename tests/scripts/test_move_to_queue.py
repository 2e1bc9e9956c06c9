import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, blocked, check_records, in_state, order
from .steps import (
    GPU,
    add,
    claim,
    claim_one,
    events,
    fields,
    finish,
    line,
    members,
    messages,
    score,
    tick,
)


async def test_a_task_stands_behind_its_equals_in_the_other_queue(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3, priority=2)
    there = await add_mixed(namespace, 3, priority=2, queue="other")
    low = await add_mixed(namespace, 3, queue="other")

    moved = await Moves(namespace).to_queue(ids[0], "other")

    assert moved == Moved(is_changed=True, position=4)
    assert await order(namespace) == ids[1:]
    assert await order(namespace, "other") == [*there, ids[0], *low]
    await check_records(namespace, "other")
    (newest,) = await add(namespace, queue="other", priority=2)
    assert (await order(namespace, "other"))[3:5] == [ids[0], newest]
    orders = {(await fields(namespace, i))["order"] for i in (*there, ids[0], newest)}
    assert len(orders) == 5


async def test_it_is_found_and_claimed_there(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, need=GPU)

    await Moves(namespace).to_queue(task_id, "new")

    p = namespace.prefix
    assert await members(namespace, keys.index(p, "queue", "q")) == []
    assert await members(namespace, keys.index(p, "queue", "new")) == [task_id]
    assert await namespace.redis.sismember(keys.queues(p), "new")
    assert not (await claim(namespace, needs=NEEDS)).claims
    taken = await claim_one(namespace, "new", needs=(GPU,))
    assert taken.queue == "new"
    await finish(namespace, taken, "release")
    assert await line(namespace, "new", GPU) == [task_id]


async def test_the_last_task_leaves_no_trace_of_a_ready_queue(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    shape = (await fields(namespace, task_id))["shape"]

    await Moves(namespace).to_queue(task_id, "new")

    stored = await namespace.redis.smembers(keys.ready_queues(namespace.prefix, shape))
    assert stored == {b"new"}


async def test_who_listens_there_is_woken(namespace: Namespace) -> None:
    assert (await claim(namespace, "other", park=True)).parked
    (task_id,) = await add(namespace)
    await Moves(namespace).to_queue(task_id, "other")  # whose shape its listeners know
    assert [m["c"] for m in await messages(namespace)] == ["wake"]
    await claim_one(namespace, "other")
    assert (await claim(namespace, "other", park=True)).parked
    (second,) = await add(namespace)

    await Moves(namespace).to_queue(second, "other")

    assert (await messages(namespace))[-1] == {"c": "wake", "q": "other"}


async def test_a_move_is_told(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)

    await Moves(namespace).to_queue(task_id, "other")
    again = await Moves(namespace).to_queue(task_id, "other")

    assert again == Moved(is_changed=False, position=1)
    assert await events(namespace, "moved") == [
        {
            "id": task_id,
            "event": "moved",
            "state": "queued",
            "queue": "other",
            "how": "queue",
            "from": "q",
        }
    ]


@pytest.mark.parametrize("name", ["delayed", "waiting"])
async def test_a_task_that_waits_elsewhere_comes_to_the_other_queue(
    namespace: Namespace, name: str
) -> None:
    task_id = await in_state(namespace, name)
    there = await add_mixed(namespace, 2, queue="other")

    moved = await Moves(namespace).to_queue(task_id, "other")

    assert moved == Moved(is_changed=True, position=None)
    assert await order(namespace, "other") == there
    if name == "delayed":
        await namespace.redis.zadd(keys.delayed(namespace.prefix), {task_id: 1}, xx=True)
        await tick(namespace)
    else:
        (parent,) = (await claim(namespace, "parents")).claims
        await finish(namespace, parent, "succeeded")
    assert await order(namespace, "other") == [*there, task_id]
    assert await order(namespace) == []


async def test_a_draft_is_in_another_queue_only_by_its_record(namespace: Namespace) -> None:
    task_id = await in_state(namespace, "draft")

    await Moves(namespace).to_queue(task_id, "other")

    stored = await fields(namespace, task_id)
    assert (stored["queue"], stored["state"]) == ("other", "draft")
    assert "order" not in stored
    assert await members(namespace, keys.index(namespace.prefix, "queue", "other")) == [task_id]


async def test_a_blocked_task_comes_back_in_the_other_queue(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    there = await add_mixed(namespace, 2, queue="other")

    moved = await Moves(namespace).to_queue(waits, "other")

    assert moved.position == 3
    stored = await fields(namespace, waits)
    assert stored["state"] == "blocked"
    parked = await score(namespace, keys.parked_tasks(namespace.prefix, "k"), waits)
    assert parked == float(stored["order"])
    await finish(namespace, holder, "succeeded")
    assert await order(namespace, "other") == [*there, waits]


@pytest.mark.parametrize("name", ["running", "succeeded"])
async def test_what_runs_or_ended_is_refused(namespace: Namespace, name: str) -> None:
    task_id = await in_state(namespace, name)

    with pytest.raises(WrongState, match=f"is {name}; only tasks that wait can be moved"):
        await Moves(namespace).to_queue(task_id, "other")
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).to_queue(TaskId("none"), "other")

    assert (await fields(namespace, task_id))["queue"] == "q"


@pytest.mark.parametrize("name", ["a{b", "a\nb", "", "a:b", "x" * 10_000])
async def test_a_name_that_is_none_is_refused(namespace: Namespace, name: str) -> None:
    (task_id,) = await add(namespace)

    with pytest.raises(UsageError, match="is not a name; use up to 63 letters") as refusal:
        await Moves(namespace).to_queue(task_id, name)

    assert len(str(refusal.value)) < 200
    assert await line(namespace) == [task_id]


async def test_a_queue_whose_key_holds_something_else_is_named(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    key = keys.queue(namespace.prefix, "other")
    await namespace.redis.rpush(key, "no hash")

    with pytest.raises(Exception, match=r"queue other: its key .* is no hash"):
        await Moves(namespace).to_queue(task_id, "other")

    assert await line(namespace) == [task_id]
    await namespace.redis.delete(key)
