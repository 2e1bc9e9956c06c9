"""Whoever stops to run, or to wait, lets others through."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.tasks import Tasks

from .queue_steps import park, woken
from .steps import (
    add,
    beat,
    claim,
    claim_one,
    enqueue,
    finish,
    new_task,
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
