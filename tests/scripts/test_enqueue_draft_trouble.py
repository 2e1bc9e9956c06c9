"""Drafts that can not be enqueued as they are: strange records, old signatures, no such place."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts, Placement
from rq_agent.broker.envelope import SignedTask, sign
from rq_agent.broker.errors import TaskError, UsageError
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.new_task import Parent

from .steps import (
    CPU,
    DIGEST,
    add,
    claim_one,
    enqueue,
    fields,
    line,
    members,
    new_task,
    now_ms,
    state,
)


async def draft(namespace: Namespace, **fields: Any) -> TaskId:
    (task_id,) = await add(namespace, is_draft=True, **fields)
    return task_id


async def _no_queue(namespace: Namespace, task_id: TaskId) -> None:
    await namespace.redis.hdel(keys.task(namespace.prefix, task_id), "queue")


async def _strange_shape(namespace: Namespace, task_id: TaskId) -> None:
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "shape", "s0")


async def _no_parents(namespace: Namespace, task_id: TaskId) -> None:
    await namespace.redis.delete(keys.extra(namespace.prefix, task_id))


@pytest.mark.parametrize(
    ("spoil", "field"), [(_no_queue, "queue"), (_strange_shape, "shape"), (_no_parents, "parents")]
)
async def test_a_record_that_says_too_little_stays_a_draft(
    namespace: Namespace, spoil: Callable[[Namespace, TaskId], Awaitable[None]], field: str
) -> None:
    (parent,) = await add(namespace)
    task_id = await draft(namespace, parents=(Parent(parent),))
    await spoil(namespace, task_id)

    with pytest.raises(TaskError, match=f"does not say its {field}"):
        await Drafts(namespace).enqueue(task_id)

    assert await state(namespace, task_id) == "draft"
    assert await line(namespace) == [parent]


async def test_a_priority_that_is_none_of_ours_is_the_nearest(namespace: Namespace) -> None:
    task_id = await draft(namespace)
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "priority", "999")

    await Drafts(namespace).enqueue(task_id)

    assert (await fields(namespace, task_id))["priority"] == "127"
    assert (await claim_one(namespace)).task_id == task_id


async def test_a_queue_whose_key_is_something_else_takes_nothing(namespace: Namespace) -> None:
    task_id = await draft(namespace, unique="nightly")
    strange = keys.queue(namespace.prefix, "q")
    await namespace.redis.delete(strange)
    await namespace.redis.set(strange, "x")

    with pytest.raises(ResponseError, match=r"queue q: its key .* is no hash"):
        await Drafts(namespace).enqueue(task_id)

    assert await state(namespace, task_id) == "draft"
    assert not await namespace.redis.exists(keys.unique(namespace.prefix, "nightly"))
    await namespace.redis.delete(strange)


async def test_a_record_of_another_type_is_no_task(namespace: Namespace) -> None:
    task_id = TaskId("0" * 16)
    await namespace.redis.set(keys.arguments(namespace.prefix, task_id), "x")

    assert (await Drafts(namespace).enqueue_many([task_id]))[0].outcome == "missing"


@pytest.mark.parametrize("valid_s", [-10, 10])
async def test_a_signature_that_will_have_expired_is_told_of_at_once(
    namespace: Namespace, tmp_path: Path, valid_s: int
) -> None:
    not_after = await now_ms(namespace) // 1000 + valid_s
    sound, stale = new_task(is_draft=True), new_task(is_draft=True)
    signed = SignedTask(
        namespace=namespace.name, task_id=stale.id, definition=DIGEST, not_after=not_after
    )
    (envelope,) = sign([signed], KeyPair.load_or_create(tmp_path, "me"))
    stale = new_task(id=stale.id, is_draft=True, envelope=envelope)
    await enqueue(namespace, sound, stale)
    drafts, later = Drafts(namespace), Placement(delay_ms=60_000)

    first, second = await drafts.enqueue_many([stale.id, sound.id], later)

    assert (first, second.outcome) == (Answer(stale.id, "expired"), "enqueued")
    assert await state(namespace, stale.id) == "draft"
    with pytest.raises(TaskError, match="clone it to sign anew"):
        await drafts.enqueue(stale.id, later)


@pytest.mark.parametrize(
    "placement",
    [Placement(queue="a{b"), Placement(priority=999), Placement(at_ms=253_402_300_799_000)],
)
async def test_a_placement_that_can_not_be_is_refused(
    namespace: Namespace, placement: Placement
) -> None:
    task_id = await draft(namespace)

    with pytest.raises(UsageError):
        await Drafts(namespace).enqueue(task_id, placement)

    assert await state(namespace, task_id) == "draft"
    assert await members(namespace, keys.ready(namespace.prefix, "q", shape_id(CPU))) == []
