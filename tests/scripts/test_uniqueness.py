"""At most one live task has a uniqueness key."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import EnqueueOutcome, Tasks

from .steps import (
    UPLOAD,
    add,
    claim_one,
    enqueue,
    expire_lease,
    extra,
    fields,
    finish,
    line,
    members,
    new_task,
    state,
    tick,
)


async def test_a_second_task_with_the_key_is_not_added(namespace: Namespace) -> None:
    first, second = new_task(unique="nightly"), new_task(unique="nightly")

    (one, two) = await enqueue(namespace, first, second)

    assert one.outcome == EnqueueOutcome.QUEUED
    assert (two.outcome, two.other) == (EnqueueOutcome.UNIQUE, first.id)
    assert await fields(namespace, second.id) == {}
    assert await line(namespace) == [first.id]


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "cancelled"])
async def test_the_key_is_free_when_its_task_has_ended(namespace: Namespace, outcome: str) -> None:
    await enqueue(namespace, new_task(unique="nightly"))
    token = await claim_one(namespace)
    (while_it_runs,) = await enqueue(namespace, new_task(unique="nightly"))
    assert while_it_runs.outcome == EnqueueOutcome.UNIQUE

    await finish(namespace, token, outcome)

    (later,) = await enqueue(namespace, new_task(unique="nightly"))
    assert later.outcome == EnqueueOutcome.QUEUED


async def test_a_retry_keeps_the_key(namespace: Namespace) -> None:
    first = new_task(unique="nightly")
    await enqueue(namespace, first)

    await finish(namespace, await claim_one(namespace), "retry", delay_ms=60_000)

    (second,) = await enqueue(namespace, new_task(unique="nightly"))
    assert second.other == first.id


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_replacing_cancels_a_task_that_has_not_started(
    namespace: Namespace, delay_ms: int
) -> None:
    first = new_task(unique="nightly", delay_ms=delay_ms)
    second = new_task(unique="nightly", replaces=True)
    await enqueue(namespace, first)

    (enqueued,) = await enqueue(namespace, second)

    assert enqueued.outcome == EnqueueOutcome.QUEUED
    assert await state(namespace, first.id) == "cancelled"
    assert (await extra(namespace, first.id))["reason"] == f"replaced by {second.id}"
    assert await line(namespace) == [second.id]
    assert await members(namespace, keys.delayed(namespace.prefix)) == []
    held = await namespace.redis.get(keys.unique(namespace.prefix, "nightly"))
    assert held == second.id.encode()


async def test_a_running_task_is_not_replaced(namespace: Namespace) -> None:
    first = new_task(unique="nightly")
    await enqueue(namespace, first)
    await claim_one(namespace)

    (refused,) = await enqueue(namespace, new_task(unique="nightly", replaces=True))

    assert (refused.outcome, refused.other) == (EnqueueOutcome.UNIQUE, first.id)
    assert await state(namespace, first.id) == "running"


async def test_the_last_of_one_call_replaces_those_before_it(namespace: Namespace) -> None:
    tasks = [new_task(unique="nightly", replaces=True) for _ in range(3)]

    added = await Tasks(namespace).enqueue(tasks, UPLOAD)

    assert [one.outcome for one in added] == [EnqueueOutcome.QUEUED] * 3
    assert await line(namespace) == [tasks[2].id]
    assert [await state(namespace, task.id) for task in tasks[:2]] == ["cancelled"] * 2


@pytest.mark.parametrize("trouble", ["dead", "vanished", "garbage", "wrong type", "another task"])
async def test_a_holder_that_is_no_live_task_does_not_count(
    namespace: Namespace, trouble: str
) -> None:
    p, redis = namespace.prefix, namespace.redis
    first = new_task(unique="nightly", max_lost=0)
    await enqueue(namespace, first)
    if trouble == "dead":
        await claim_one(namespace)
        await expire_lease(namespace, first.id)
        await tick(namespace)
        await redis.set(keys.unique(p, "nightly"), first.id)  # as if it had not been freed
    elif trouble == "vanished":
        await redis.delete(keys.task(p, first.id))
    elif trouble == "garbage":
        await redis.set(keys.unique(p, "nightly"), b"\xff\x00")
    elif trouble == "wrong type":
        await redis.delete(keys.unique(p, "nightly"))
        await redis.hset(keys.unique(p, "nightly"), "a", "b")
    else:
        (other,) = await add(namespace)
        await redis.set(keys.unique(p, "nightly"), other)

    second = new_task(unique="nightly")
    (enqueued,) = await enqueue(namespace, second)

    assert enqueued.outcome == EnqueueOutcome.QUEUED
    assert await redis.get(keys.unique(p, "nightly")) == second.id.encode()


async def test_the_end_of_a_former_holder_does_not_free_the_key(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await enqueue(namespace, new_task(unique="nightly"))
    token = await claim_one(namespace)
    await redis.set(keys.unique(p, "nightly"), "somebody")

    await finish(namespace, token, "succeeded")

    assert await redis.get(keys.unique(p, "nightly")) == b"somebody"


@pytest.mark.parametrize("key", ["x" * 65, "\ud800", "a\nb"])
async def test_a_key_that_can_not_be_kept_is_refused(namespace: Namespace, key: str) -> None:
    with pytest.raises(UsageError, match="unique key"):
        await enqueue(namespace, new_task(unique=key))
