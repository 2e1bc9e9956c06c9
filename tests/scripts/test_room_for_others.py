"""Whoever stops to run, or to wait, lets others through."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.new_task import Parent
from rq_agent.broker.orders import Profile, parse
from rq_agent.broker.presence import Workers
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.tasks import Tasks

from .queue_steps import park, woken
from .steps import (
    CPU,
    GPU,
    add,
    beat,
    claim,
    claim_one,
    enqueue,
    events,
    fields,
    finish,
    line,
    lose,
    members,
    messages,
    new_task,
    now_ms,
    running,
    score,
    state,
    tick,
)


@pytest.mark.parametrize("outcome", ["retry", "succeeded"])
async def test_an_end_in_a_full_queue_wakes_a_worker_for_the_next(
    namespace: Namespace, outcome: str
) -> None:
    await add(namespace)
    await QueueSettings(namespace).limit("q", 1)
    token = await claim_one(namespace)
    await add(namespace)
    names = await park(namespace, 2)

    await finish(namespace, token, outcome, delay_ms=3_600_000)

    assert await woken(namespace, names) == 1


async def test_a_tick_wakes_nobody_for_a_queue_that_is_full(namespace: Namespace) -> None:
    await add(namespace)
    await QueueSettings(namespace).limit("q", 1)
    await claim_one(namespace)
    await add(namespace)
    names = await park(namespace, 1)

    ticked = await tick(namespace)

    assert ticked.woken == 0
    assert await woken(namespace, names) == 0


async def test_an_end_in_a_full_queue_wakes_for_the_shape_that_waits(namespace: Namespace) -> None:
    await QueueSettings(namespace).create("q")
    await QueueSettings(namespace).limit("q", 1)
    await add(namespace)
    token = await claim_one(namespace)
    await add(namespace, need=GPU)
    names = await park(namespace, 1, needs=(GPU,))

    await finish(namespace, token, "succeeded")

    assert await woken(namespace, names) == 1


async def test_one_end_in_a_full_queue_wakes_one_whatever_the_shapes(namespace: Namespace) -> None:
    await add(namespace)
    await QueueSettings(namespace).limit("q", 1)
    token = await claim_one(namespace)
    await add(namespace)
    await add(namespace, need=GPU)
    names = await park(namespace, 3, needs=(CPU, GPU))

    await finish(namespace, token, "succeeded")

    assert await woken(namespace, names) == 1


async def test_an_end_in_a_queue_without_a_limit_wakes_nobody(namespace: Namespace) -> None:
    await add(namespace)
    await finish(namespace, await claim_one(namespace), "succeeded")
    await add(namespace, need=GPU)
    token = await claim_one(namespace, needs=(GPU,))
    names = await park(namespace, 2)
    await add(namespace)
    assert await woken(namespace, names) == 1

    await finish(namespace, token, "succeeded")

    assert await woken(namespace, names) == 1


async def test_a_wake_up_for_a_queue_that_was_paused_is_not_passed_on(namespace: Namespace) -> None:
    await add(namespace)
    await finish(namespace, await claim_one(namespace), "succeeded")
    names = await park(namespace, 2)
    await add(namespace)
    (first,) = [name for name in names if await messages(namespace, name)]
    await QueueSettings(namespace).pause("q")

    await Workers(namespace).leave(first)

    assert await woken(namespace, [name for name in names if name != first]) == 0


async def test_what_is_let_through_is_blocked_no_more(namespace: Namespace) -> None:
    p = namespace.prefix
    _, second = await add(namespace, 2, concurrency_key="db")
    (token,) = (await claim(namespace, limit=2)).claims
    blocked = keys.index(p, "state", "blocked")
    assert await members(namespace, blocked) == [second]

    await finish(namespace, token, "succeeded")

    assert await members(namespace, blocked) == []
    assert not await namespace.redis.exists(keys.parked_keys(p))
    assert [e["id"] for e in await events(namespace, "unblocked")] == [second]


async def test_a_task_that_comes_back_waits_anew(namespace: Namespace) -> None:
    p = namespace.prefix
    token = await running(namespace, queue_timeout_ms=60_000)
    began_ms = await now_ms(namespace)

    await finish(namespace, token, "release")

    deadline = await score(namespace, keys.deadlines(p), token.task_id)
    assert deadline is not None
    assert deadline >= began_ms + 60_000
    assert int((await fields(namespace, token.task_id))["queued_ms"]) >= began_ms


async def test_a_task_that_is_readopted_is_one_of_its_worker(namespace: Namespace) -> None:
    token = await running(namespace)
    await lose(namespace, token.task_id)
    held = keys.held(namespace.prefix, "w")
    assert not await namespace.redis.exists(held)

    await beat(namespace, token)

    assert await namespace.redis.smembers(held) == {token.task_id.encode()}


async def test_children_with_a_time_tell_that_their_parents_ended(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = new_task(parents=(Parent(parent),), delay_ms=3_600_000)
    await enqueue(namespace, child)

    await finish(namespace, await claim_one(namespace), "succeeded")

    assert await state(namespace, child.id) == "delayed"
    (met,) = await events(namespace, "parents_met")
    assert (met["id"], met["state"]) == (child.id, "delayed")


async def test_a_retry_with_a_delay_tells_so(namespace: Namespace) -> None:
    token = await running(namespace)

    await finish(namespace, token, "retry", delay_ms=5_000, reason="exit 3")

    (told,) = await events(namespace, "retry")
    assert (told["id"], told["state"]) == (token.task_id, "delayed")


@pytest.mark.parametrize("broken", ["-5", "1e15", "many"])
async def test_after_a_broken_sequence_tasks_still_come_last(
    namespace: Namespace, broken: str
) -> None:
    ids = await add(namespace, 3)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "sequence", broken)

    ids += await add(namespace, 2)

    assert await line(namespace) == ids


async def test_a_ready_task_that_is_cancelled_lets_the_next_of_its_key_through(
    namespace: Namespace,
) -> None:
    _, second, third = await add(namespace, 3, concurrency_key="db")
    (token,) = (await claim(namespace, limit=3)).claims
    await finish(namespace, token, "succeeded")
    assert [await state(namespace, i) for i in (second, third)] == ["queued", "blocked"]

    await Tasks(namespace).cancel(second)

    assert await state(namespace, third) == "queued"


async def test_children_hear_at_once_of_a_task_that_was_cancelled(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = new_task(parents=(Parent(parent),))
    await enqueue(namespace, child)

    await Tasks(namespace).cancel(parent)

    assert await state(namespace, child.id) == "skipped"


async def test_children_hear_of_a_task_that_was_cancelled_when_it_is_given_back(
    namespace: Namespace,
) -> None:
    (parent,) = await add(namespace)
    child = new_task(parents=(Parent(parent),))
    await enqueue(namespace, child)
    await claim_one(namespace)  # the answer is lost: no beat lists it
    await Tasks(namespace).cancel(parent)

    for _ in range(2):
        await beat(namespace)
    await namespace.redis.zadd(keys.leases(namespace.prefix), {parent: 1_000})
    told = await beat(namespace)

    assert told.given_back == (parent,)
    assert await state(namespace, parent) == "cancelled"
    assert await state(namespace, child.id) == "skipped"


async def test_with_room_for_two_the_next_runs_beside_the_other(namespace: Namespace) -> None:
    *_, third = await add(namespace, 3, concurrency_key="db", concurrency_limit=2)
    first, _ = (await claim(namespace, limit=3)).claims
    assert await state(namespace, third) == "blocked"

    await finish(namespace, first, "succeeded")

    assert (await claim_one(namespace)).task_id == third


async def test_a_lost_claim_that_ends_while_its_task_is_blocked_leaves_no_trace(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    first, second = await add(namespace, 2, concurrency_key="db")
    lost = await claim_one(namespace)
    await lose(namespace, first)
    await namespace.redis.zadd(keys.ready(p, "q", shape_id(CPU)), {second: 1})
    assert (await claim_one(namespace)).task_id == second
    assert (await claim(namespace)).claims == ()
    assert await state(namespace, first) == "blocked"

    assert await finish(namespace, lost, "succeeded") == FinishCode.APPLIED

    assert not await namespace.redis.exists(keys.index(p, "state", "blocked"))
    assert not await namespace.redis.exists(keys.parked_tasks(p, "db"))


async def test_a_beat_keeps_what_a_parked_worker_may_be_woken_for(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await park(namespace, 1)
    profile = Profile(order=parse("priority", ["q"]), shapes=(shape_id(CPU),)).id
    names = (keys.profile(p, profile), keys.idle(p, profile))
    for name in names:
        await redis.pexpire(name, 60_000)

    assert (await beat(namespace, worker="w0", profile=profile)).is_parked

    assert min([await redis.pttl(name) for name in names]) > 3_600_000
