from collections.abc import Awaitable, Callable, Sequence

import pytest

from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import Profile, parse
from rq_agent.broker.presence import Workers

from .steps import (
    CPU,
    GPU,
    LEASE_MS,
    add,
    beat,
    claim,
    claim_one,
    finish,
    members,
    messages,
    now_ms,
    running,
    score,
    tick,
)

WAKE = {"c": "wake", "q": "q"}


async def park(
    namespace: Namespace,
    worker: str,
    *queues: str,
    mode: str = "priority",
    needs: tuple[Need, ...] = (CPU,),
) -> str:
    """Let a worker claim until it is parked; return its profile."""
    claimed = await claim(namespace, *queues, worker=worker, needs=needs, mode=mode, park=True)
    assert claimed.parked
    shapes = tuple(shape_id(need) for need in needs)
    return Profile(order=parse(mode, queues or ("q",)), shapes=shapes).id


async def know(namespace: Namespace, *needs: Need, queue: str = "q") -> None:
    """Let a queue have had tasks of some shapes."""
    for need in needs:
        await add(namespace, queue=queue, need=need)
        await finish(namespace, await claim_one(namespace, queue, needs=(need,)), "succeeded")


async def woken(namespace: Namespace, workers: Sequence[str]) -> list[int]:
    return [len(await messages(namespace, worker)) for worker in workers]


async def test_each_task_wakes_exactly_one_parked_worker(namespace: Namespace) -> None:
    await know(namespace, CPU)
    workers = ("w1", "w2", "w3")
    for worker in workers:
        await park(namespace, worker)

    counts = []
    for _ in range(4):
        await add(namespace)
        counts.append(sum(await woken(namespace, workers)))

    assert counts == [1, 2, 3, 3]
    assert await woken(namespace, workers) == [1, 1, 1]
    assert await messages(namespace, "w1") == [WAKE]


async def test_a_batch_wakes_as_many_workers_as_it_has_tasks(namespace: Namespace) -> None:
    await know(namespace, CPU)
    workers = ("w1", "w2", "w3")
    for worker in workers:
        await park(namespace, worker)

    await add(namespace, 2)

    assert sum(await woken(namespace, workers)) == 2


async def test_a_claim_that_got_all_that_it_asked_for_does_not_park(namespace: Namespace) -> None:
    await add(namespace, count=2)

    assert not (await claim(namespace, limit=2, park=True)).parked
    assert not await namespace.redis.keys(f"{namespace.prefix}idle:*")


async def test_a_claim_that_got_less_than_it_asked_for_parks_and_is_woken(
    namespace: Namespace,
) -> None:
    await add(namespace)

    claimed = await claim(namespace, limit=2, park=True)
    await add(namespace)

    assert (len(claimed.claims), claimed.parked) == (1, True)
    assert await messages(namespace, "w") == [WAKE]


async def test_a_task_wakes_only_a_worker_that_fits_it(namespace: Namespace) -> None:
    await know(namespace, CPU, GPU)
    await park(namespace, "small", needs=(CPU,))
    await park(namespace, "big", needs=(CPU, GPU))
    await park(namespace, "elsewhere", "other", needs=(CPU, GPU))

    await add(namespace, 3, need=GPU)

    assert await woken(namespace, ("small", "big", "elsewhere")) == [0, 1, 0]


async def test_a_worker_whose_time_has_run_out_is_not_woken(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "dead")
    await namespace.redis.zadd(keys.idle(namespace.prefix, profile), {"dead": 1})
    await park(namespace, "alive")

    await add(namespace)

    assert await woken(namespace, ("dead", "alive")) == [0, 1]


async def test_nobody_is_woken_where_all_are_gone(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "dead")
    await namespace.redis.zadd(keys.idle(namespace.prefix, profile), {"dead": 1})

    await add(namespace)

    assert await messages(namespace, "dead") == []


async def test_a_beat_keeps_a_worker_parked_but_does_not_park_it(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "w")
    idle = keys.idle(namespace.prefix, profile)
    await namespace.redis.zadd(idle, {"w": await now_ms(namespace) + 5_000})

    own = await beat(namespace, profile=profile)
    other = await beat(namespace, worker="other", profile=profile)

    assert (own.is_parked, other.is_parked) == (True, False)
    deadline = await score(namespace, idle, "w")
    assert deadline is not None
    assert deadline - await now_ms(namespace) > LEASE_MS - 10_000
    assert await members(namespace, idle) == ["w"]


async def test_a_worker_that_was_passed_over_is_no_longer_parked(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "w")
    await namespace.redis.zadd(keys.idle(namespace.prefix, profile), {"w": 1})
    await add(namespace)

    assert not (await beat(namespace, profile=profile)).is_parked


async def test_a_worker_hears_that_redis_forgot_its_parking(namespace: Namespace) -> None:
    p = namespace.prefix
    await know(namespace, CPU)
    profile = await park(namespace, "w")
    await namespace.redis.zadd(keys.workers(p), {"w": 1})
    assert (await tick(namespace)).purged == 1

    assert not (await beat(namespace, profile=profile)).is_parked
    await park(namespace, "w")
    assert (await beat(namespace, profile=profile)).is_parked


async def test_a_worker_is_parked_in_one_place(namespace: Namespace) -> None:
    await know(namespace, CPU, GPU)
    first = await park(namespace, "w", needs=(CPU, GPU))
    second = await park(namespace, "w", needs=(CPU,))

    assert await members(namespace, keys.idle(namespace.prefix, first)) == []
    assert await members(namespace, keys.idle(namespace.prefix, second)) == ["w"]


async def test_a_claim_ends_the_parking(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "w")
    await add(namespace, queue="other")

    await claim_one(namespace, "other", worker="w")

    assert await members(namespace, keys.idle(namespace.prefix, profile)) == []


async def test_draining_ends_the_parking(namespace: Namespace) -> None:
    await know(namespace, CPU)
    profile = await park(namespace, "w")

    await Draining(namespace).drain("w")

    assert await members(namespace, keys.idle(namespace.prefix, profile)) == []


async def claim_of_another_queue(namespace: Namespace) -> None:
    await add(namespace, queue="first")
    assert (await claim_one(namespace, "first", "q", worker="w1")).queue == "first"


async def drain(namespace: Namespace) -> None:
    await Draining(namespace).drain("w1")


async def leave(namespace: Namespace) -> None:
    await Workers(namespace).leave("w1")


async def claim_it(namespace: Namespace) -> None:
    await claim_one(namespace, "first", "q", worker="w1")


@pytest.mark.parametrize(
    ("do", "woken"), [(claim_of_another_queue, 1), (drain, 1), (leave, 1), (claim_it, 0)]
)
async def test_a_wake_up_that_was_not_used_goes_to_another(
    namespace: Namespace, do: Callable[[Namespace], Awaitable[None]], woken: int
) -> None:
    queue = keys.queue(namespace.prefix, "q")
    await know(namespace, CPU)
    await park(namespace, "w1", "first", "q")
    await add(namespace)
    assert await messages(namespace, "w1") == [WAKE]
    await namespace.redis.hset(queue, "paused", "1")
    await park(namespace, "w2")
    await namespace.redis.hdel(queue, "paused")

    await do(namespace)

    assert await messages(namespace, "w2") == [WAKE] * woken


async def test_a_paused_queue_wakes_nobody(namespace: Namespace) -> None:
    await know(namespace, CPU)
    await park(namespace, "w")
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "paused", "1")

    await add(namespace)

    assert await messages(namespace) == []


async def test_what_comes_back_into_a_paused_queue_wakes_nobody(namespace: Namespace) -> None:
    taken = await running(namespace)
    await park(namespace, "w2")
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "paused", "1")

    await finish(namespace, taken, "release")

    assert await messages(namespace, "w2") == []


async def test_what_comes_back_into_a_queue_wakes_one(namespace: Namespace) -> None:
    taken = await running(namespace)
    await park(namespace, "w2")
    await park(namespace, "w3")

    await finish(namespace, taken, "release")

    assert sum(await woken(namespace, ("w2", "w3"))) == 1


async def test_the_end_of_a_task_wakes_a_worker_where_max_running_held_others_back(
    namespace: Namespace,
) -> None:
    await know(namespace, GPU)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "max_running", "1")
    await add(namespace)
    first = await claim_one(namespace, worker="w1")
    await park(namespace, "w2", needs=(CPU, GPU))
    await add(namespace, 2, need=GPU)
    assert await messages(namespace, "w2") == []

    await finish(namespace, first, "succeeded")

    assert await messages(namespace, "w2") == [WAKE]


async def test_a_shape_that_is_new_to_a_queue_is_told_to_all_who_listen(
    namespace: Namespace,
) -> None:
    await know(namespace, CPU)
    await know(namespace, CPU, GPU, queue="other")
    await park(namespace, "w1")
    await park(namespace, "w2", "other", "q")
    await park(namespace, "w3", "other")

    await add(namespace, 2, need=GPU)

    assert await messages(namespace, "w1") == [{"c": "shapes"}]
    assert await messages(namespace, "w2") == [{"c": "shapes"}]
    assert await messages(namespace, "w3") == []


async def test_a_shape_that_workers_know_from_other_queues_wakes_only_whom_it_needs(
    namespace: Namespace,
) -> None:
    await know(namespace, CPU, queue="other")
    workers = ("w1", "w2", "w3")
    for worker in workers:
        await park(namespace, worker, "other", "q")
    await park(namespace, "w4", needs=())

    await add(namespace)

    assert sum(await woken(namespace, workers)) == 1
    assert await messages(namespace, "w4") == [{"c": "shapes"}]


async def test_a_worker_that_knows_no_shape_yet_hears_of_the_first(namespace: Namespace) -> None:
    await park(namespace, "w", needs=())

    await add(namespace)

    assert await messages(namespace) == [{"c": "shapes"}]
    assert (await claim(namespace, needs=())).shape_count == 1


async def test_profiles_that_nobody_used_for_a_day_are_forgotten(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await know(namespace, CPU)
    old = await park(namespace, "w1")
    new = await park(namespace, "w2", mode="round-robin")
    assert 0 < await redis.ttl(keys.profile(p, old)) <= 86_400
    await redis.delete(keys.profile(p, old), keys.idle(p, old))

    await add(namespace)  # wakes w2, the only one
    await add(namespace)  # finds nobody

    for key in (keys.interested(p, "q", shape_id(CPU)), keys.listeners(p, "q")):
        assert await redis.smembers(key) == {new.encode()}


async def test_a_forgotten_profile_is_known_again_when_it_parks(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await know(namespace, CPU)
    profile = await park(namespace, "w")
    await redis.delete(keys.profile(p, profile), keys.idle(p, profile))
    await know(namespace, CPU)
    assert not await redis.exists(keys.interested(p, "q", shape_id(CPU)))

    await park(namespace, "w")
    await add(namespace)

    assert await messages(namespace) == [WAKE]


async def test_a_worker_that_was_woken_and_died_costs_no_more_than_a_tick(
    namespace: Namespace,
) -> None:
    await know(namespace, CPU)
    await park(namespace, "dying")
    await add(namespace)
    assert await messages(namespace, "dying") == [WAKE]
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "paused", "1")
    assert (await claim(namespace, worker="w2", park=True)).parked
    await namespace.redis.hdel(keys.queue(namespace.prefix, "q"), "paused")

    ticked = await tick(namespace)

    assert ticked.woken == 1
    assert await messages(namespace, "w2") == [WAKE]
