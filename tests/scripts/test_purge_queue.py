import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.queue_removal import BATCH, QueueRemoval

from .moving import NEEDS, blocked, in_state, order
from .steps import (
    add,
    claim,
    events,
    extra,
    fields,
    finish,
    line,
    members,
    now_ms,
    running,
    state,
)


async def purge(namespace: Namespace, queue: str = "q") -> list[int]:
    return [count async for count in QueueRemoval(namespace).purge(queue)]


async def test_what_waits_is_cancelled_and_the_rest_stays(namespace: Namespace) -> None:
    waits, _ = await blocked(namespace)
    ended = await in_state(namespace, "succeeded")
    runs = await in_state(namespace, "running")
    draft = await in_state(namespace, "draft")
    (elsewhere,) = await add(namespace, queue="other")
    gone = [waits, *[await in_state(namespace, n) for n in ("delayed", "waiting", "queued")]]

    assert await purge(namespace) == [4]

    assert [await state(namespace, i) for i in gone] == ["cancelled"] * 4
    assert [(await extra(namespace, i))["reason"] for i in gone] == ["queue purged"] * 4
    kept = [await state(namespace, i) for i in (ended, runs, draft, elsewhere)]
    assert kept == ["succeeded", "running", "draft", "queued"]
    p = namespace.prefix
    assert await line(namespace) == await members(namespace, keys.delayed(p)) == []
    assert await members(namespace, keys.parked_tasks(p, "k")) == []
    assert not await namespace.redis.exists(keys.dependencies(p, gone[2]))
    assert {e["id"] for e in await events(namespace, "cancelled")} == set(gone)
    assert [e["count"] for e in await events(namespace, "queue_purged")] == ["4"]
    (claimed,) = (await claim(namespace, "other")).claims
    assert claimed.task_id == elsewhere


async def test_many_are_cancelled_in_steps_that_tell_how_far_it_is(namespace: Namespace) -> None:
    tasks = 2 * BATCH + 50
    for need in NEEDS:
        await add(namespace, tasks // 3, need=need)
    await add(namespace, 1, queue="other")

    counts = await purge(namespace)

    assert counts == [BATCH, 2 * BATCH, tasks]
    assert await order(namespace) == []
    assert len(await members(namespace, keys.done(namespace.prefix))) == tasks
    assert await purge(namespace) == [0]


async def test_final_tasks_are_passed_over_in_steps(namespace: Namespace) -> None:
    await add(namespace, 1100)
    await purge(namespace)
    (last,) = await add(namespace)

    assert await purge(namespace) == [0, 1]

    assert await state(namespace, last) == "cancelled"


async def test_a_purge_that_was_broken_off_goes_on(namespace: Namespace) -> None:
    await add(namespace, BATCH + 10)

    async for _ in QueueRemoval(namespace).purge("q"):
        break

    assert len(await line(namespace)) == 10
    assert await purge(namespace) == [10]


async def test_what_comes_after_it_began_stays(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    later = await now_ms(namespace) + 60_000
    await namespace.redis.hset(keys.task(namespace.prefix, ids[2]), "created_ms", later)

    assert await purge(namespace) == [2]

    assert await line(namespace) == [ids[2]]


async def test_children_are_told(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    (child,) = await add(namespace, queue="other", parents=(Parent(parent),))
    (other,) = await add(namespace, queue="other", parents=(Parent(parent, Condition.ANY),))

    await purge(namespace)

    assert await state(namespace, child) == "skipped"
    assert await state(namespace, other) == "queued"


async def test_a_key_that_becomes_free_lets_others_go_on(namespace: Namespace) -> None:
    taken = await running(namespace, concurrency_key="k", queue="other")
    await add(namespace, 2, concurrency_key="k")
    (elsewhere,) = await add(namespace, concurrency_key="k", queue="other")
    await claim(namespace, "q", "other", limit=5)
    assert await state(namespace, elsewhere) == "blocked"

    assert await purge(namespace) == [2]
    await finish(namespace, taken, "succeeded")

    assert await state(namespace, elsewhere) == "queued"


async def test_records_that_somebody_broke_are_passed_over(namespace: Namespace) -> None:
    ids = await add(namespace, 4)
    p, redis = namespace.prefix, namespace.redis
    await redis.delete(keys.task(p, ids[0]))
    await redis.delete(keys.task(p, ids[1]))
    await redis.rpush(keys.task(p, ids[1]), "no hash")
    await redis.hset(keys.task(p, ids[2]), mapping={"created_ms": "x", "alien": "y"})

    assert await purge(namespace) == [2]

    assert [await state(namespace, i) for i in ids[2:]] == ["cancelled"] * 2
    await redis.delete(keys.task(p, ids[1]))


async def test_a_task_that_stands_in_the_wrong_index_is_not_cancelled(
    namespace: Namespace,
) -> None:
    (elsewhere,) = await add(namespace, queue="other")
    await add(namespace)
    await namespace.redis.zadd(keys.index(namespace.prefix, "queue", "q"), {elsewhere: 0})

    assert await purge(namespace) == [1]

    assert (await fields(namespace, TaskId(elsewhere)))["state"] == "queued"


async def test_a_queue_that_is_not_there_is_named(namespace: Namespace) -> None:
    with pytest.raises(SelectorError, match="no queue is named none; see rq-agent queue ls"):
        await purge(namespace, "none")
    with pytest.raises(UsageError, match="is not a name"):
        await purge(namespace, "a{b")
