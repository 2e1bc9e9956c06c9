"""A task that waits becomes a draft again, and leaves nothing behind where it waited."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts, Placement
from rq_agent.broker.errors import TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent

from .steps import (
    add,
    claim,
    claim_one,
    events,
    extra,
    fields,
    finish,
    history,
    line,
    lose,
    members,
    running,
    state,
    tick,
)


async def test_a_queued_task_leaves_its_queue(namespace: Namespace) -> None:
    p = namespace.prefix
    first, second = await add(namespace, 2, queue_timeout_ms=60_000)

    await Drafts(namespace).dequeue(first)

    assert await line(namespace) == [second]
    assert await members(namespace, keys.deadlines(p)) == [second]
    assert await members(namespace, keys.index(p, "state", "draft")) == [first]
    assert (await fields(namespace, first)).keys() & {"order", "queued_ms"} == set()
    assert await history(namespace, first) == ["enqueued", "dequeued"]
    assert [e["state"] for e in await events(namespace, "dequeued")] == ["draft"]


async def test_the_last_one_leaves_no_empty_queue_behind(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)

    await Drafts(namespace).dequeue(task_id)

    assert (await claim(namespace)).claims == ()
    assert not [k async for k in namespace.redis.scan_iter(match=f"{namespace.prefix}rdy:*")]


async def test_a_delayed_task_is_not_promoted_any_more(namespace: Namespace) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, delay_ms=60_000)
    await namespace.redis.zadd(keys.delayed(p), {task_id: 1})

    await Drafts(namespace).dequeue(task_id)

    assert await members(namespace, keys.delayed(p)) == []
    assert (await tick(namespace)).promoted == 0
    assert await state(namespace, task_id) == "draft"


async def test_a_waiting_task_is_not_told_any_more_and_keeps_its_parents(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    (parent,) = await add(namespace)
    (child,) = await add(namespace, parents=(Parent(parent),), delay_ms=60_000)

    await Drafts(namespace).dequeue(child)

    assert await namespace.redis.smembers(keys.children(p, parent)) == set()
    assert await namespace.redis.smembers(keys.dependencies(p, child)) == set()
    assert await namespace.redis.hget(keys.references(p), f"t:{parent}") == b"1"
    assert "due_ms" not in await fields(namespace, child)
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await state(namespace, child) == "draft"
    assert (await extra(namespace, child))["parents"] == f"ok:{parent}"
    await Drafts(namespace).enqueue(child)
    assert await line(namespace) == [child]


async def test_children_of_a_draft_wait_on(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    (child,) = await add(namespace, parents=(Parent(parent),))
    drafts = Drafts(namespace)

    await drafts.dequeue(parent)
    assert await state(namespace, child) == "waiting"

    await drafts.enqueue(parent)
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await line(namespace) == [child]


async def test_a_blocked_task_leaves_its_parking(namespace: Namespace) -> None:
    p = namespace.prefix
    first, second, third = await add(namespace, 3, concurrency_key="disk")
    token = await claim_one(namespace)
    await claim(namespace, limit=2)
    assert await state(namespace, second) == "blocked"

    await Drafts(namespace).dequeue(second)

    assert await members(namespace, keys.index(p, "state", "blocked")) == [third]
    await finish(namespace, token, "succeeded")
    assert await line(namespace) == [third]
    await Drafts(namespace).dequeue(third)
    assert not await namespace.redis.exists(keys.parked_keys(p), keys.parked_tasks(p, "disk"))
    assert first == token.task_id


async def test_the_unique_key_is_free(namespace: Namespace) -> None:
    key = keys.unique(namespace.prefix, "nightly")
    (task_id,) = await add(namespace, unique="nightly")

    await Drafts(namespace).dequeue(task_id)

    assert not await namespace.redis.exists(key)
    (other,) = await add(namespace, unique="nightly")
    assert await namespace.redis.get(key) == other.encode()
    assert await Drafts(namespace).dequeue(task_id) == Answer(task_id, "unchanged", "draft")
    assert await namespace.redis.get(key) == other.encode()


async def test_a_lost_claim_of_it_can_not_end_it_later(namespace: Namespace) -> None:
    token = await running(namespace)
    await lose(namespace, token.task_id)
    drafts = Drafts(namespace)

    await drafts.dequeue(token.task_id)
    assert await finish(namespace, token, "succeeded") == -2
    await drafts.enqueue(token.task_id)

    assert await finish(namespace, token, "succeeded") == -2
    assert await state(namespace, token.task_id) == "queued"
    assert (await claim_one(namespace)).fence == token.fence + 1


async def test_it_comes_back_behind_those_that_came_later(namespace: Namespace) -> None:
    first, second = await add(namespace, 2)
    drafts = Drafts(namespace)

    await drafts.dequeue(first)
    await drafts.enqueue(first, Placement())

    assert await line(namespace) == [second, first]


async def test_a_running_task_is_to_be_cancelled_first(namespace: Namespace) -> None:
    token = await running(namespace)
    before = await fields(namespace, token.task_id)

    with pytest.raises(WrongState, match="is running; cancel it first"):
        await Drafts(namespace).dequeue(token.task_id)

    assert await fields(namespace, token.task_id) == before


async def test_a_task_that_ended_is_to_be_reset(namespace: Namespace) -> None:
    token = await running(namespace)
    await finish(namespace, token, "failed")

    with pytest.raises(WrongState, match=r"has ended \(failed\); reset it first"):
        await Drafts(namespace).dequeue(token.task_id)


@pytest.mark.parametrize("content", ["nothing", "another type", "no state"])
async def test_a_record_that_is_none_is_not_found(namespace: Namespace, content: str) -> None:
    task_id = TaskId("0" * 16)
    key = keys.task(namespace.prefix, task_id)
    if content == "another type":
        await namespace.redis.set(key, "x")
    elif content == "no state":
        await namespace.redis.hset(key, "queue", "q")

    with pytest.raises(TaskNotFound):
        await Drafts(namespace).dequeue(task_id)

    await namespace.redis.delete(key)


async def test_a_member_of_a_queue_without_a_record_stops_nobody(namespace: Namespace) -> None:
    ghost, task_id = await add(namespace, 2)
    await namespace.redis.delete(keys.task(namespace.prefix, ghost))

    answers = await Drafts(namespace).dequeue_many([ghost, task_id])

    assert [a.outcome for a in answers] == ["missing", "dequeued"]
