"""Tasks that wait for other tasks."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import MAX_PARENTS, Condition, NewTask, Parent
from rq_agent.broker.tasks import EnqueueOutcome, Tasks

from .steps import (
    UPLOAD,
    add,
    claim,
    claim_one,
    decoded,
    enqueue,
    events,
    expire_lease,
    extra,
    fields,
    finish,
    line,
    members,
    new_task,
    now_ms,
    score,
    state,
    tick,
)


def child_of(*parents: TaskId, condition: str = "ok", **fields: object) -> NewTask:
    edges = tuple(Parent(parent, Condition(condition)) for parent in parents)
    return new_task(parents=edges, **fields)


async def references(ns: Namespace) -> dict[str, str]:
    stored = decoded(await ns.redis.hgetall(keys.references(ns.prefix)))
    return {name: users for name, users in stored.items() if name.startswith("t:")}


async def test_a_child_is_ready_when_its_last_parent_succeeded(namespace: Namespace) -> None:
    first, second = await add(namespace, 2)
    child = child_of(first, second)

    (enqueued,) = await enqueue(namespace, child)

    assert enqueued.outcome == EnqueueOutcome.WAITING
    assert await line(namespace) == [first, second]
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await state(namespace, child.id) == "waiting"
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await state(namespace, child.id) == "queued"
    assert await line(namespace) == [child.id]
    assert (await events(namespace, "parents_met"))[0]["id"] == child.id


async def test_a_waiting_task_is_found_by_its_state_until_it_goes_on(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = child_of(parent)
    index = keys.index(namespace.prefix, "state", "waiting")

    await enqueue(namespace, child)

    assert await members(namespace, index) == [child.id]
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await members(namespace, index) == []


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "errored", "timed_out", "cancelled"])
@pytest.mark.parametrize("condition", ["ok", "any", "fail"])
@pytest.mark.parametrize("is_early", [True, False])
async def test_the_condition_decides_by_how_the_parent_ended(
    namespace: Namespace, condition: str, outcome: str, is_early: bool
) -> None:
    (parent,) = await add(namespace)
    child = child_of(parent, condition=condition)
    token = await claim_one(namespace)

    if is_early:
        await enqueue(namespace, child)
        await finish(namespace, token, outcome)
    else:
        await finish(namespace, token, outcome)
        await enqueue(namespace, child)

    runs = {"ok": outcome == "succeeded", "any": True, "fail": outcome != "succeeded"}[condition]
    assert await state(namespace, child.id) == ("queued" if runs else "skipped")
    assert await line(namespace) == ([child.id] if runs else [])
    assert await references(namespace) == ({f"t:{parent}": "1"} if runs else {})
    if not runs:
        assert (await extra(namespace, child.id))["reason"] == f"parent {parent} is {outcome}"


async def test_skipping_goes_down_the_generations_and_any_ends_it(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = child_of(parent)
    grandchild = child_of(child.id)
    other = child_of(grandchild.id, condition="any")
    await enqueue(namespace, child, grandchild, other)

    await finish(namespace, await claim_one(namespace), "failed")

    assert await state(namespace, child.id) == "skipped"
    assert await state(namespace, grandchild.id) == "skipped"
    assert await line(namespace) == [other.id]
    assert len(await events(namespace, "skipped")) == 2


async def test_many_children_are_told_in_bounded_steps(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    children = [child_of(parent) for _ in range(450)]
    await Tasks(namespace).enqueue(children, UPLOAD)

    await finish(namespace, await claim_one(namespace), "succeeded")

    told = len(await line(namespace))
    assert 0 < told <= 200
    while (await tick(namespace, limit=100)).more:
        pass
    assert await line(namespace) == [child.id for child in children]
    assert await namespace.redis.exists(keys.resolve(namespace.prefix)) == 0


async def test_a_parent_that_died_or_expired_tells_its_children(namespace: Namespace) -> None:
    (parent,) = await add(namespace, max_lost=0)
    child = child_of(parent, queue="other", queue_timeout_ms=1_000, condition="any")
    last = child_of(child.id, condition="fail")
    await enqueue(namespace, child, last)
    await claim_one(namespace)
    await expire_lease(namespace, parent)

    await tick(namespace)

    assert await state(namespace, parent) == "dead"
    assert await state(namespace, child.id) == "queued"
    await namespace.redis.zadd(keys.deadlines(namespace.prefix), {child.id: 1})
    await tick(namespace)
    assert await state(namespace, child.id) == "expired"
    assert await state(namespace, last.id) == "queued"


async def test_a_cancelled_child_leaves_nothing_behind(namespace: Namespace) -> None:
    p = namespace.prefix
    first, second = await add(namespace, 2)
    child = child_of(first, second)
    await enqueue(namespace, child)

    await Tasks(namespace).cancel(child.id)

    gone = (keys.dependencies(p, child.id), keys.children(p, first), keys.children(p, second))
    assert await namespace.redis.exists(*gone) == 0
    assert await references(namespace) == {}
    assert await members(namespace, keys.index(p, "state", "waiting")) == []
    assert await members(namespace, keys.index(p, "state", "cancelled")) == [child.id]


async def test_a_child_with_a_time_of_its_own_waits_for_both(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    at_ms = await now_ms(namespace) + 60_000
    child = child_of(parent, at_ms=at_ms)
    await enqueue(namespace, child)

    await finish(namespace, await claim_one(namespace), "succeeded")

    assert await state(namespace, child.id) == "delayed"
    assert await score(namespace, keys.delayed(namespace.prefix), child.id) == at_ms


async def test_a_child_of_a_parent_that_is_unknown_is_not_added(namespace: Namespace) -> None:
    child, orphan = child_of(TaskId("gone")), new_task()

    first, second = await enqueue(namespace, child, orphan)

    assert (first.outcome, first.other) == (EnqueueOutcome.UNKNOWN_PARENT, TaskId("gone"))
    assert second.outcome == EnqueueOutcome.QUEUED
    assert await fields(namespace, child.id) == {}


async def test_a_parent_keeps_its_place_when_it_is_retried(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = child_of(parent)
    await enqueue(namespace, child)

    await finish(namespace, await claim_one(namespace), "retry")

    assert await state(namespace, child.id) == "waiting"


async def test_a_reply_that_was_lost_is_repeated_without_harm(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child = child_of(parent)
    await enqueue(namespace, child)

    (again,) = await enqueue(namespace, child)

    assert again.outcome == EnqueueOutcome.DUPLICATE
    assert await references(namespace) == {f"t:{parent}": "1"}
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await line(namespace) == [child.id]


async def test_records_that_somebody_broke_do_not_stop_the_fan_out(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    child, vanished, alien = child_of(parent), child_of(parent), child_of(parent)
    await enqueue(namespace, child, vanished, alien)
    p, redis = namespace.prefix, namespace.redis
    await redis.delete(keys.task(p, vanished.id), keys.task(p, alien.id))
    await redis.set(keys.task(p, alien.id), "garbage")
    await redis.sadd(keys.children(p, parent), "nonsense", "ok:nobody")

    await finish(namespace, await claim_one(namespace), "succeeded")

    assert await line(namespace) == [child.id]
    assert await redis.exists(keys.resolve(p), keys.children(p, parent)) == 0
    await redis.delete(keys.task(p, alien.id), keys.dependencies(p, vanished.id))


@pytest.mark.parametrize("words", ["can't wait for itself", "waits twice", "at most 1000", "cycle"])
async def test_what_can_not_be_waited_for_is_refused(namespace: Namespace, words: str) -> None:
    (parent,) = await add(namespace)
    own = new_task().id
    first, second = new_task(), child_of(parent)
    bad = {
        "can't wait for itself": [child_of(own, id=own)],
        "waits twice": [child_of(parent, parent)],
        "at most 1000": [child_of(*(TaskId(f"p{n}") for n in range(MAX_PARENTS + 1)))],
        "cycle": [child_of(second.id, id=first.id), second],
    }[words]

    with pytest.raises(UsageError, match=words):
        await enqueue(namespace, *bad)

    assert await line(namespace) == [parent]


async def test_a_thousand_parents_are_waited_for(namespace: Namespace) -> None:
    parents = await add(namespace, MAX_PARENTS)
    child = child_of(*parents)
    await enqueue(namespace, child)

    while claims := (await claim(namespace, limit=200)).claims:
        assert await state(namespace, child.id) == "waiting"
        for token in claims[1:]:
            await Tasks(namespace).cancel(token.task_id)
        for token in claims:
            await finish(namespace, token, "succeeded")
            if await state(namespace, child.id) == "queued":
                return
    raise AssertionError("the child never came to its turn")
