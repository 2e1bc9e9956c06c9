from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.ticks import Hello, Ticks

from . import steps
from .steps import (
    LEASE_MS,
    add,
    beat,
    claim,
    expire_lease,
    forget_a_claim,
    line,
    now_ms,
    running,
    tick,
)


async def hello(namespace: Namespace, run_id: str) -> Hello:
    return await Ticks(namespace).hello(run_id, lease_ms=LEASE_MS, beat_ms=5_000)


async def held_ms(namespace: Namespace, run_id: str) -> int:
    told = await hello(namespace, run_id)
    return max(0, told.hold_claims_until_ms - told.server_ms)


async def end_holds(namespace: Namespace, *fields: str) -> None:
    await namespace.redis.hset(keys.globals_(namespace.prefix), mapping=dict.fromkeys(fields, "1"))


async def test_the_first_server_holds_nothing(namespace: Namespace) -> None:
    claim = await running(namespace)
    await expire_lease(namespace, claim.task_id)

    assert await held_ms(namespace, "run1") == 0
    assert (await tick(namespace)).reaped == 1


async def test_a_namespace_has_one_birth_until_it_comes_back_with_nothing(
    namespace: Namespace,
) -> None:
    first, second = await hello(namespace, "run1"), await hello(namespace, "run2")
    await namespace.redis.delete(keys.globals_(namespace.prefix))
    third = await hello(namespace, "run3")

    assert first.birth
    assert first.birth == second.birth != third.birth


async def test_a_birth_that_somebody_wrote_is_told_in_part(namespace: Namespace) -> None:
    await namespace.redis.hset(keys.globals_(namespace.prefix), "birth", b"\xff" * 100_000)

    assert len((await hello(namespace, "run1")).birth) == 64 * len("\\xff")


async def test_a_record_of_before_births_gets_one_and_holds_as_before(
    namespace: Namespace,
) -> None:
    await running(namespace)
    await namespace.redis.hset(keys.globals_(namespace.prefix), "run_id", "run1")

    same = await hello(namespace, "run1")

    assert same.birth
    assert same.hold_claims_until_ms == 0
    assert 9_000 < await held_ms(namespace, "run2") <= 10_000


async def test_the_same_server_holds_nothing(namespace: Namespace) -> None:
    await running(namespace)
    await hello(namespace, "run1")

    assert await held_ms(namespace, "run1") == 0


async def test_a_server_that_restarted_holds_claims_for_two_beats(namespace: Namespace) -> None:
    await running(namespace)
    (waiting,) = await add(namespace)
    await hello(namespace, "run1")

    assert 9_000 < await held_ms(namespace, "run2") <= 10_000
    held = await claim(namespace, park=True)
    assert (held.claims, held.parked) == ((), False)
    assert held.hold_until_ms > held.server_ms
    assert await line(namespace) == [waiting]

    await end_holds(namespace, "hold_claims_until")
    assert [c.task_id for c in (await claim(namespace)).claims] == [waiting]


async def test_a_clock_that_was_set_back_holds_no_claims(namespace: Namespace) -> None:
    (waiting,) = await add(namespace)
    far = await now_ms(namespace) + 7_200_000
    await namespace.redis.hset(keys.globals_(namespace.prefix), "hold_claims_until", far)

    claimed = await claim(namespace)
    assert [c.task_id for c in claimed.claims] == [waiting]
    assert claimed.hold_until_ms <= claimed.server_ms  # or its worker would wait all the same


async def test_claims_wait_also_where_redis_forgot_that_something_ran(namespace: Namespace) -> None:
    claim = await running(namespace)
    await hello(namespace, "run1")
    await forget_a_claim(namespace, claim.task_id)
    assert not await namespace.redis.exists(keys.leases(namespace.prefix))

    assert 9_000 < await held_ms(namespace, "run2") <= 10_000

    assert (await steps.claim(namespace, worker="w2")).claims == ()
    assert (await beat(namespace, claim)).lost == ()


async def test_claims_go_on_where_nobody_was_before_the_restart(namespace: Namespace) -> None:
    await add(namespace)
    await hello(namespace, "run1")

    assert await held_ms(namespace, "run2") == 0
    assert len((await claim(namespace)).claims) == 1


async def test_every_other_worker_that_says_hello_extends_nothing(namespace: Namespace) -> None:
    await running(namespace)
    await hello(namespace, "run1")

    first, second = await hello(namespace, "run2"), await hello(namespace, "run2")

    assert first.hold_claims_until_ms == second.hold_claims_until_ms


async def test_a_server_that_restarted_holds_reaping_for_one_lease(namespace: Namespace) -> None:
    claim = await running(namespace)
    await expire_lease(namespace, claim.task_id)
    await hello(namespace, "run1")
    await hello(namespace, "run2")

    globals_ = keys.globals_(namespace.prefix)
    until = int(await namespace.redis.hget(globals_, "hold_reaping_until") or 0)
    assert LEASE_MS - 10_000 < until - await now_ms(namespace) <= LEASE_MS
    assert (await tick(namespace)).reaped == 0
    await end_holds(namespace, "hold_reaping_until")
    assert (await tick(namespace)).reaped == 1
