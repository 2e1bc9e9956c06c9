"""Tasks that share a concurrency key."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks

from .steps import (
    add,
    beat,
    claim,
    claim_one,
    enqueue,
    events,
    expire_lease,
    finish,
    forget_a_claim,
    line,
    lose,
    members,
    messages,
    new_task,
    state,
    tick,
)


async def keyed(ns: Namespace, count: int, *, limit: int = 1, **fields: object) -> list[TaskId]:
    return await add(ns, count, concurrency_key="db", concurrency_limit=limit, **fields)


async def parked(ns: Namespace) -> list[str]:
    return await members(ns, keys.parked_tasks(ns.prefix, "db"))


async def holding(ns: Namespace) -> list[str]:
    return await members(ns, keys.holders(ns.prefix, "db"))


@pytest.mark.parametrize("limit", [1, 3])
async def test_only_so_many_run_and_the_rest_is_blocked(namespace: Namespace, limit: int) -> None:
    ids = await keyed(namespace, 5, limit=limit)
    (free,) = await add(namespace)

    claimed = await claim(namespace, limit=10)

    assert [c.task_id for c in claimed.claims] == [*ids[:limit], free]
    assert await parked(namespace) == ids[limit:]
    assert {await state(namespace, i) for i in ids[limit:]} == {"blocked"}
    assert await members(namespace, keys.index(namespace.prefix, "state", "blocked")) == ids[limit:]
    assert len(await events(namespace, "blocked")) == 5 - limit


@pytest.mark.parametrize("how", ["succeeded", "failed", "retry", "lose", "cancelled", "release"])
async def test_when_one_stops_running_the_next_has_its_turn(namespace: Namespace, how: str) -> None:
    first, second, third = await keyed(namespace, 3)
    (token,) = (await claim(namespace, limit=3)).claims

    if how == "lose":
        await lose(namespace, first)
    else:
        await finish(namespace, token, how, delay_ms=60_000)

    comes_back = how in ("release", "lose")
    assert await line(namespace) == ([first, second] if comes_back else [second])
    assert await parked(namespace) == [third]
    (next_one,) = (await claim(namespace, limit=3)).claims
    assert next_one.task_id == (first if comes_back else second)
    assert len(await holding(namespace)) == 1


async def test_the_next_is_the_one_that_stands_first_in_its_queue(namespace: Namespace) -> None:
    (running,) = await keyed(namespace, 1)
    token = await claim_one(namespace)
    low = await keyed(namespace, 2)
    (high,) = await keyed(namespace, 1, priority=9)
    await claim(namespace, limit=5)
    assert await parked(namespace) == [high, *low]

    await finish(namespace, token, "succeeded")

    assert (token.task_id, await line(namespace)) == (running, [high])


async def test_a_task_that_was_let_through_and_cancelled_lets_the_next_through(
    namespace: Namespace,
) -> None:
    _, second, third = await keyed(namespace, 3)
    (token,) = (await claim(namespace, limit=3)).claims
    await finish(namespace, token, "succeeded")
    assert await line(namespace) == [second]

    await Tasks(namespace).cancel(second)

    assert await line(namespace) == [third]
    assert await namespace.redis.exists(keys.parked_keys(namespace.prefix)) == 0


async def test_a_blocked_task_can_be_cancelled_and_expires(namespace: Namespace) -> None:
    first, second, third = await keyed(namespace, 3, queue_timeout_ms=60_000)
    await claim(namespace, limit=3)

    await Tasks(namespace).cancel(second)
    assert await parked(namespace) == [third]
    await namespace.redis.zadd(keys.deadlines(namespace.prefix), {third: 1}, xx=True)
    await tick(namespace)

    assert await state(namespace, third) == "expired"
    assert await parked(namespace) == []
    assert await members(namespace, keys.index(namespace.prefix, "state", "blocked")) == []
    assert await holding(namespace) == [first]


async def test_a_parked_worker_is_woken_for_a_task_that_is_let_through(
    namespace: Namespace,
) -> None:
    await keyed(namespace, 2)
    token = await claim_one(namespace)
    assert (await claim(namespace, worker="idle", park=True)).parked

    await finish(namespace, token, "succeeded")

    assert [m["c"] for m in await messages(namespace, "idle")] == ["wake"]


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_worker_that_was_away_holds_the_key_again_if_it_is_free(
    namespace: Namespace, is_taken: bool
) -> None:
    (first,) = await keyed(namespace, 1)
    token = await claim_one(namespace)
    await lose(namespace, first)
    if is_taken:
        (high,) = await keyed(namespace, 1, priority=9)
        await claim(namespace, limit=5, worker="other")
        assert await state(namespace, first) == "blocked"
        assert await holding(namespace) == [high]

    told = await beat(namespace, token)

    assert told.lost == ((first,) if is_taken else ())
    assert await state(namespace, first) == ("blocked" if is_taken else "running")
    assert await holding(namespace) == ([high] if is_taken else [first])


async def test_a_blocked_task_whose_worker_finished_it_is_done(namespace: Namespace) -> None:
    (first,) = await keyed(namespace, 1)
    token = await claim_one(namespace)
    await lose(namespace, first)
    await keyed(namespace, 1, priority=9)
    await claim(namespace, limit=5, worker="other")

    assert await finish(namespace, token, "succeeded") == FinishCode.APPLIED

    assert await state(namespace, first) == "succeeded"
    assert await parked(namespace) == []


async def test_a_rolled_back_claim_holds_its_key_again(namespace: Namespace) -> None:
    (first,) = await keyed(namespace, 1)
    token = await claim_one(namespace)
    await forget_a_claim(namespace, first)
    await namespace.redis.zrem(keys.holders(namespace.prefix, "db"), first)

    await beat(namespace, token)

    assert await holding(namespace) == [first]


async def test_parked_members_that_are_no_blocked_tasks_are_dropped(namespace: Namespace) -> None:
    first, second = await keyed(namespace, 2)
    (token,) = (await claim(namespace, limit=2)).claims
    key = keys.parked_tasks(namespace.prefix, "db")
    await namespace.redis.zadd(key, {"nobody": 1, first: 2})

    await finish(namespace, token, "succeeded")

    assert await line(namespace) == [second]
    assert await parked(namespace) == []


async def test_a_tick_lets_through_what_a_hand_left_behind(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    first, second = await keyed(namespace, 2)
    await claim(namespace, limit=2)
    await tick(namespace)
    await redis.hset(keys.globals_(p), "swept_at", "1")
    await redis.zrem(keys.holders(p, "db"), first)

    await tick(namespace)

    assert await line(namespace) == [second]


async def test_a_running_task_whose_record_vanished_takes_up_no_place_for_ever(
    namespace: Namespace,
) -> None:
    p, redis = namespace.prefix, namespace.redis
    first, second = await keyed(namespace, 2, queue="q")
    await claim(namespace, limit=2)
    await redis.delete(keys.task(p, first))
    await expire_lease(namespace, first)
    await tick(namespace)
    assert await line(namespace) == []
    await redis.hset(keys.globals_(p), "swept_at", "1")

    await tick(namespace)

    assert await line(namespace) == [second]
    assert await holding(namespace) == []
    assert await members(namespace, keys.running(p, "q")) == []


async def test_a_tick_sweeps_no_task_that_runs(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    first, _ = await keyed(namespace, 2)
    await claim(namespace, limit=2)
    await tick(namespace)
    await redis.hset(keys.globals_(p), "swept_at", "1")

    await tick(namespace)

    assert await holding(namespace) == [first]
    assert await members(namespace, keys.running(p, "q")) == [first]


async def test_a_limit_that_makes_no_sense_counts_as_one(namespace: Namespace) -> None:
    tasks = [new_task(concurrency_key="db") for _ in range(2)]
    await enqueue(namespace, *tasks)
    for task, limit in zip(tasks, ("0", "nonsense"), strict=True):
        await namespace.redis.hset(keys.task(namespace.prefix, task.id), "key_limit", limit)

    assert len((await claim(namespace, limit=2)).claims) == 1
    assert await parked(namespace) == [tasks[1].id]
