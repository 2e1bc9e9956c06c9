from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.tasks import CancelOutcome, Tasks

from .steps import (
    add,
    beat,
    claim,
    claim_one,
    events,
    extra,
    fields,
    finish,
    line,
    lose,
    members,
    messages,
    running,
    state,
)


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_task_that_waits_is_cancelled_at_once(namespace: Namespace, delay_ms: int) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, delay_ms=delay_ms, queue_timeout_ms=1_000)

    outcome = await Tasks(namespace).cancel(task_id, reason="not needed")

    assert outcome == CancelOutcome.CANCELLED
    assert await state(namespace, task_id) == "cancelled"
    assert (await extra(namespace, task_id))["reason"] == "not needed"
    assert await line(namespace) == []
    assert await members(namespace, keys.delayed(p)) == []
    assert await members(namespace, keys.deadlines(p)) == []
    assert await members(namespace, keys.done(p)) == [task_id]
    assert (await claim(namespace)).claims == ()


async def test_cancelling_one_task_leaves_the_others_in_line(namespace: Namespace) -> None:
    first, second, third = await add(namespace, 3)

    await Tasks(namespace).cancel(second)

    assert await line(namespace) == [first, third]
    assert [c.task_id for c in (await claim(namespace, limit=5)).claims] == [first, third]


async def test_the_worker_of_a_running_task_is_told(namespace: Namespace) -> None:
    claim = await running(namespace)

    outcome = await Tasks(namespace).cancel(claim.task_id, grace_ms=250)

    assert outcome == CancelOutcome.REQUESTED
    assert await messages(namespace) == [{"c": "cancel", "id": claim.task_id, "g": "250"}]
    stored = await fields(namespace, claim.task_id)
    assert (stored["state"], stored["cancel"]) == ("running", "250")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("cancelled", "not needed"), ("release", "not needed"), ("failed", "exit 3")],
)
async def test_the_reason_of_a_cancel_is_shown_only_if_it_came_to_that(
    namespace: Namespace, outcome: str, reason: str
) -> None:
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id, reason="not needed")

    await finish(namespace, claim, outcome, reason="exit 3")

    assert (await extra(namespace, claim.task_id))["reason"] == reason


async def test_a_second_cancel_may_shorten_the_grace(namespace: Namespace) -> None:
    claim = await running(namespace)
    tasks = Tasks(namespace)

    outcomes = [await tasks.cancel(claim.task_id), await tasks.cancel(claim.task_id, grace_ms=0)]

    assert outcomes == [CancelOutcome.REQUESTED] * 2
    assert [m["g"] for m in await messages(namespace)] == ["default", "0"]
    assert len(await events(namespace, "cancel")) == 1
    assert (await beat(namespace, claim)).cancels == {claim.task_id: 0}


async def test_a_task_that_ended_stays_as_it_ended(namespace: Namespace) -> None:
    claim = await running(namespace)
    await finish(namespace, claim, "failed", reason="exit 3")
    before = await fields(namespace, claim.task_id)

    outcome = await Tasks(namespace).cancel(claim.task_id, reason="too late")

    assert outcome == CancelOutcome.FINAL
    assert await fields(namespace, claim.task_id) == before
    assert (await extra(namespace, claim.task_id))["reason"] == "exit 3"


WAITING = ["draft", "waiting", "delayed", "queued", "blocked"]


@pytest.mark.parametrize("waits_as", WAITING)
async def test_whatever_else_a_task_waits_for_it_is_cancelled(
    namespace: Namespace, waits_as: str
) -> None:
    p = namespace.prefix
    (parent,) = await add(namespace, concurrency_key="disk", priority=1)
    rest: dict[str, Any] = {
        "draft": {"is_draft": True},
        "waiting": {"parents": (Parent(parent),)},
        "delayed": {"delay_ms": 60_000},
        "queued": {},
        "blocked": {"concurrency_key": "disk"},
    }
    (task_id,) = await add(namespace, unique="nightly", **rest[waits_as])
    if waits_as == "blocked":
        await claim_one(namespace)
        await claim(namespace)
    assert await state(namespace, task_id) == waits_as

    assert await Tasks(namespace).cancel(task_id) == CancelOutcome.CANCELLED

    assert await state(namespace, task_id) == "cancelled"
    assert task_id not in await line(namespace)
    assert not await namespace.redis.exists(
        keys.delayed(p),
        keys.children(p, parent),
        keys.dependencies(p, task_id),
        keys.parked_keys(p),
        keys.parked_tasks(p, "disk"),
        keys.unique(p, "nightly"),
        keys.resolve(p),
    )
    assert not await namespace.redis.hexists(keys.references(p), f"t:{parent}")
    for name in WAITING:
        assert await members(namespace, keys.index(p, "state", name)) == []
    assert await members(namespace, keys.index(p, "state", "cancelled")) == [task_id]
    assert len([e for e in await events(namespace, "cancelled") if e["id"] == task_id]) == 1


async def test_no_inbox_is_made_for_a_worker_that_is_gone(namespace: Namespace) -> None:
    claim = await running(namespace)
    await namespace.redis.zrem(keys.workers(namespace.prefix), "w")

    await Tasks(namespace).cancel(claim.task_id)

    assert await messages(namespace) == []
    await lose(namespace, claim.task_id)
    assert await state(namespace, claim.task_id) == "cancelled"


async def test_a_task_that_does_not_exist_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task nope"):
        await Tasks(namespace).cancel(TaskId("nope"))
