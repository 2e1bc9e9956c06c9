from typing import Any

import pytest

from rq_agent.broker import keys, retention
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.tasks import Tasks

from .steps import (
    CPU,
    LEASE_MS,
    add,
    beat,
    claim,
    claim_one,
    events,
    expire_lease,
    extra,
    fields,
    line,
    lose,
    members,
    messages,
    now_ms,
    running,
    score,
    state,
    tick,
)


async def last_tick_was(namespace: Namespace, ago_ms: int) -> None:
    now = await now_ms(namespace)
    await namespace.redis.hset(keys.globals_(namespace.prefix), "ticked_at", now - ago_ms)


async def test_a_first_loss_puts_the_task_back_into_its_place(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    claim = await claim_one(namespace)
    log = keys.log(namespace.prefix, claim.task_id, 1)
    await namespace.redis.xadd(log, {"d": "x"})

    await lose(namespace, claim.task_id)

    stored = await fields(namespace, claim.task_id)
    assert await line(namespace) == ids
    assert (stored["state"], stored["lost"], stored.get("attempt")) == ("queued", "1", None)
    assert stored["nonce"] == claim.nonce
    assert "worker" not in stored
    p = namespace.prefix
    for key in (keys.leases(p), keys.running(p, "q"), keys.held(p, "w")):
        assert not await namespace.redis.exists(key)
    assert 0 < await namespace.redis.pttl(log) <= retention.LOG_MS
    (lost,) = await events(namespace, "lost")
    assert (lost["worker"], lost["fence"]) == ("w", "1")


async def test_later_losses_wait_longer_and_the_last_one_is_death(namespace: Namespace) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, max_lost=3)
    waits = []

    for _ in range(4):
        await claim_one(namespace)
        await lose(namespace, task_id)
        if (due := await score(namespace, keys.delayed(p), task_id)) is not None:
            waits.append(round((due - await now_ms(namespace)) / 1000))
            await namespace.redis.zadd(keys.delayed(p), {task_id: 1})
            await tick(namespace)

    assert waits == [4, 8]
    assert await state(namespace, task_id) == "dead"
    assert (await extra(namespace, task_id))["reason"] == "its lease was lost 4 times"
    assert await members(namespace, keys.dead(p)) == [task_id]
    assert await members(namespace, keys.done(p)) == [task_id]


@pytest.mark.parametrize(
    ("retry", "ran_s", "counted"),
    [
        ("restart always", 601, "1"),
        ("restart on-failure 3", 601, "1"),
        ("restart always", 500, "4"),
        ("", 100_000, "4"),
    ],
)
async def test_a_service_that_ran_for_long_is_not_charged_for_earlier_losses(
    namespace: Namespace, retry: str, ran_s: int, counted: str
) -> None:
    held = await running(namespace, retry=retry, max_lost=9)
    began_ms = await now_ms(namespace) - ran_s * 1000
    own: Any = {"lost": "3", "started_ms": str(began_ms)}
    await namespace.redis.hset(keys.task(namespace.prefix, held.task_id), mapping=own)

    await lose(namespace, held.task_id)

    assert (await fields(namespace, held.task_id))["lost"] == counted


@pytest.mark.parametrize("max_lost", [0, 3])
async def test_a_loss_lets_the_next_one_in_where_a_queue_was_full(
    namespace: Namespace, max_lost: int
) -> None:
    held = await running(namespace, max_lost=max_lost)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "max_running", "1")
    if max_lost:  # this loss is its second: it will be delayed
        await namespace.redis.hset(keys.task(namespace.prefix, held.task_id), "lost", "1")
    await claim(namespace, worker="w2", park=True)
    await add(namespace)

    await expire_lease(namespace, held.task_id)
    ticked = await tick(namespace)

    assert (ticked.reaped, ticked.woken) == (1, 0)
    assert await messages(namespace, "w2") == [{"c": "wake", "q": "q"}]


async def test_a_task_that_is_to_be_cancelled_is_cancelled_when_its_lease_is_lost(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id, reason="not needed")

    await lose(namespace, claim.task_id)

    assert await state(namespace, claim.task_id) == "cancelled"
    assert (await extra(namespace, claim.task_id))["reason"] == "not needed"


async def test_a_lease_that_has_time_left_is_not_reaped(namespace: Namespace) -> None:
    claim = await running(namespace)

    assert (await tick(namespace)).reaped == 0
    assert await state(namespace, claim.task_id) == "running"


@pytest.mark.parametrize("kind", ["missing", "string", "queued"])
async def test_a_lease_without_a_running_task_behind_it_is_dropped(
    namespace: Namespace, kind: str
) -> None:
    p, redis = namespace.prefix, namespace.redis
    good = await running(namespace)
    (ghost,) = await add(namespace)
    task = keys.task(p, ghost)
    if kind != "queued":
        await redis.delete(task)
    if kind == "string":
        await redis.set(task, "x")
    await redis.zadd(keys.leases(p), {ghost: 1})
    await expire_lease(namespace, good.task_id)

    assert (await tick(namespace)).reaped == 1

    assert await members(namespace, keys.leases(p)) == []
    assert [e["id"] for e in await events(namespace, "ghost")] == [ghost]
    await redis.delete(task)


async def test_reaping_waits_after_a_long_gap_between_ticks(namespace: Namespace) -> None:
    claim = await running(namespace)
    await expire_lease(namespace, claim.task_id)
    await last_tick_was(namespace, LEASE_MS // 2 + 5_000)

    first, second = await tick(namespace), await tick(namespace)
    await namespace.redis.hset(keys.globals_(namespace.prefix), "hold_reaping_until", "1")
    third = await tick(namespace)

    assert [first.reaped, second.reaped, third.reaped] == [0, 0, 1]


async def test_a_short_gap_between_ticks_holds_nothing(namespace: Namespace) -> None:
    claim = await running(namespace)
    await expire_lease(namespace, claim.task_id)
    await last_tick_was(namespace, LEASE_MS // 2 - 5_000)

    assert (await tick(namespace)).reaped == 1


async def test_a_clock_that_was_set_back_holds_nothing(namespace: Namespace) -> None:
    claim = await running(namespace)
    await expire_lease(namespace, claim.task_id)
    await last_tick_was(namespace, -7_200_000)
    far = await now_ms(namespace) + 7_200_000
    await namespace.redis.hset(keys.globals_(namespace.prefix), "hold_reaping_until", far)

    assert (await tick(namespace)).reaped == 1


async def test_a_clock_that_was_set_back_makes_no_lease_longer(namespace: Namespace) -> None:
    """Nor what stood among the leases and is none."""
    leases = keys.leases(namespace.prefix)
    dead = await running(namespace)
    long = await running(namespace, lease_ms=7_200_000)
    before_ms = await now_ms(namespace)
    late = {dead.task_id: before_ms + 3_700_000, "nobody": float("inf")}
    await namespace.redis.zadd(leases, {**late, long.task_id: before_ms + 7_200_000})
    await tick(namespace)
    await namespace.redis.hset(
        keys.globals_(namespace.prefix), "swept_at", await now_ms(namespace) + 3_600_000
    )

    await tick(namespace)

    for member in (dead.task_id, "nobody"):
        ends_ms = await score(namespace, leases, member)
        assert ends_ms is not None
        assert 0 <= ends_ms - before_ms - LEASE_MS < 10_000
    assert await score(namespace, leases, long.task_id) == before_ms + 7_200_000


async def test_a_due_task_goes_into_its_place_in_the_queue(namespace: Namespace) -> None:
    (later,) = await add(namespace, delay_ms=60_000)
    (due,) = await add(namespace, delay_ms=60_000)
    ready = await add(namespace, 2)
    delayed = keys.delayed(namespace.prefix)
    await namespace.redis.zadd(delayed, {due: 1})

    ticked = await tick(namespace)

    assert ticked.promoted == 1
    assert await line(namespace) == [due, *ready]
    assert await state(namespace, due) == "queued"
    assert await members(namespace, delayed) == [later]


@pytest.mark.parametrize("order", ["", "nan", "inf", "-5", "x", "1e300"])
async def test_an_order_that_makes_no_sense_does_not_stop_the_tick(
    namespace: Namespace, order: str
) -> None:
    (task_id,) = await add(namespace, delay_ms=60_000)
    (other,) = await add(namespace)
    (low,) = await add(namespace, priority=-1)
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "order", order)
    await namespace.redis.zadd(keys.delayed(namespace.prefix), {task_id: 1})

    assert (await tick(namespace)).promoted == 1
    assert await line(namespace) == [other, task_id, low]


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_task_that_waited_too_long_expires(namespace: Namespace, delay_ms: int) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, queue_timeout_ms=1_000, delay_ms=delay_ms)
    (other,) = await add(namespace, queue_timeout_ms=60_000)
    await namespace.redis.zadd(keys.deadlines(p), {task_id: 1})

    ticked = await tick(namespace)

    assert ticked.expired == 1
    assert await state(namespace, task_id) == "expired"
    assert (await extra(namespace, task_id))["reason"] == "waited too long"
    assert await line(namespace) == [other]
    assert await members(namespace, keys.delayed(p)) == []
    assert await members(namespace, keys.deadlines(p)) == [other]


async def test_a_running_task_does_not_expire(namespace: Namespace) -> None:
    claim = await running(namespace, queue_timeout_ms=1_000)
    await namespace.redis.zadd(keys.deadlines(namespace.prefix), {claim.task_id: 1})

    assert (await tick(namespace)).expired == 0
    assert await state(namespace, claim.task_id) == "running"


@pytest.mark.parametrize("count", [4, 5, 6])
async def test_a_tick_is_bounded_and_says_when_there_is_more(
    namespace: Namespace, count: int
) -> None:
    ids = await add(namespace, count, delay_ms=60_000)
    await namespace.redis.zadd(keys.delayed(namespace.prefix), dict.fromkeys(ids, 1))

    first, second = await tick(namespace, limit=5), await tick(namespace, limit=5)

    assert first.promoted == min(count, 5)
    assert first.more == (count >= 5)
    assert second.promoted == max(count - 5, 0)
    assert not second.more


async def test_a_worker_that_is_silent_for_ten_leases_is_forgotten(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await add(namespace, queue="other")
    await claim(namespace, worker="gone", park=True)
    await beat(namespace, worker="gone", facts={"host": "box"})
    await redis.xadd(keys.inbox(p, "gone"), {"c": "wake"})
    busy = await running(namespace, worker="busy")
    now = await now_ms(namespace)
    silent = {"gone": now - 10 * LEASE_MS - 1, "busy": 1, "quiet": now - 9 * LEASE_MS}
    await redis.zadd(keys.workers(p), silent)

    ticked = await tick(namespace)

    assert ticked.purged == 1
    assert await members(namespace, keys.workers(p)) == ["busy", "quiet"]
    assert not await redis.exists(keys.worker(p, "gone"), keys.inbox(p, "gone"))
    assert not await redis.keys(f"{p}idle:*")
    assert await state(namespace, busy.task_id) == "running"


async def test_nobody_is_forgotten_after_a_long_gap_between_ticks(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await add(namespace, queue="other")
    await tick(namespace)
    await claim(namespace, worker="w", park=True)  # and then the machine slept over night
    long_ago = await now_ms(namespace) - 20 * LEASE_MS
    await redis.hset(keys.globals_(p), "ticked_at", long_ago)
    await redis.zadd(keys.workers(p), {"w": long_ago})

    assert (await tick(namespace)).purged == 0

    assert await redis.exists(keys.worker(p, "w"))


async def test_a_tick_wakes_no_more_than_there_are_ready_queues(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await redis.hset(keys.shapes(p), shape_id(CPU), "{}")
    for n in range(30):
        assert (await claim(namespace, f"q{n}", worker=f"w{n}", park=True)).parked
        await redis.zadd(keys.ready(p, f"q{n}", shape_id(CPU)), {"t": 1})
        await redis.sadd(keys.ready_queues(p, shape_id(CPU)), f"q{n}")

    assert (await tick(namespace)).woken == 20
    assert (await tick(namespace)).woken <= 10
