"""A draft goes to the end of its priority, or to where it waits for what it needs."""

from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts, Placement
from rq_agent.broker.errors import TaskError, TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.new_task import Condition, Parent

from .steps import (
    GPU,
    add,
    beat,
    claim,
    claim_one,
    enqueue,
    events,
    extra,
    fields,
    finish,
    history,
    line,
    members,
    messages,
    new_task,
    now_ms,
    score,
    state,
)


async def draft(namespace: Namespace, **fields: Any) -> TaskId:
    (task_id,) = await add(namespace, is_draft=True, **fields)
    return task_id


async def by_state(namespace: Namespace, name: str) -> list[str]:
    return await members(namespace, keys.index(namespace.prefix, "state", name))


async def test_a_draft_becomes_the_last_of_its_priority(namespace: Namespace) -> None:
    task_id = await draft(namespace, priority=5)
    before, lower = await add(namespace, priority=5), await add(namespace)

    answer = await Drafts(namespace).enqueue(task_id)
    behind = await add(namespace, priority=5)

    assert answer == Answer(task_id, "enqueued", "queued")
    assert await line(namespace) == [*before, task_id, *behind, *lower]
    assert await by_state(namespace, "draft") == []
    assert [e["state"] for e in await events(namespace, "enqueued") if e["id"] == task_id] == [
        "queued"
    ]
    assert await history(namespace, task_id) == ["drafted", "enqueued"]
    orders = [(await fields(namespace, i))["order"] for i in (*before, task_id, *behind)]
    assert sorted(set(orders)) == orders
    assert (await claim_one(namespace)).task_id == before[0]


async def test_it_counts_as_enqueued_now(namespace: Namespace) -> None:
    task_id = await draft(namespace)
    pattern = keys.statistics(namespace.prefix, "q", 0)[:-1] + "*"
    before = [k async for k in namespace.redis.scan_iter(match=pattern)]

    await Drafts(namespace).enqueue(task_id)

    (key,) = [k async for k in namespace.redis.scan_iter(match=pattern)]
    assert (before, await namespace.redis.hget(key, "enqueued")) == ([], b"1")


async def test_a_draft_may_go_elsewhere_and_with_another_priority(namespace: Namespace) -> None:
    p = namespace.prefix
    task_id = await draft(namespace, priority=5, need=GPU)

    await Drafts(namespace).enqueue(task_id, Placement(queue="other", priority=0))

    assert await line(namespace, "other", GPU) == [task_id]
    stored = await fields(namespace, task_id)
    assert (stored["queue"], stored.get("priority")) == ("other", None)
    assert await members(namespace, keys.index(p, "queue", "other")) == [task_id]
    assert await members(namespace, keys.index(p, "queue", "q")) == []
    assert await namespace.redis.sismember(keys.queues(p), "other")
    assert float(stored["order"]) == await score(
        namespace, keys.ready(p, "other", shape_id(GPU)), task_id
    )


async def test_a_parked_worker_is_woken_for_a_draft(namespace: Namespace) -> None:
    await beat(namespace)
    await add(namespace, queue="q")
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert (await claim(namespace, park=True)).claims == ()
    task_id = await draft(namespace)

    await Drafts(namespace).enqueue(task_id)

    assert [m["c"] for m in await messages(namespace)] == ["wake"]


@pytest.mark.parametrize("kind", ["delay", "at"])
async def test_a_draft_may_start_later(namespace: Namespace, kind: str) -> None:
    task_id, now = await draft(namespace), await now_ms(namespace)
    later = Placement(delay_ms=60_000) if kind == "delay" else Placement(at_ms=now + 60_000)

    answer = await Drafts(namespace).enqueue(task_id, later)

    assert answer.detail == await state(namespace, task_id) == "delayed"
    due = await score(namespace, keys.delayed(namespace.prefix), task_id)
    assert due is not None
    assert now + 59_000 <= due <= now + 61_000
    assert await line(namespace) == []


async def test_a_time_in_the_past_is_refused(namespace: Namespace) -> None:
    task_id = await draft(namespace)
    early = Placement(at_ms=await now_ms(namespace) - 120_000)

    with pytest.raises(TaskError, match=f"task {task_id}: the time .* lies back"):
        await Drafts(namespace).enqueue(task_id, early)

    assert await state(namespace, task_id) == "draft"


async def test_the_queue_timeout_begins_now(namespace: Namespace) -> None:
    task_id, now = await draft(namespace, queue_timeout_ms=60_000), await now_ms(namespace)

    await Drafts(namespace).enqueue(task_id)

    deadline = await score(namespace, keys.deadlines(namespace.prefix), task_id)
    assert deadline is not None
    assert now + 60_000 <= deadline <= now + 61_000


async def test_enqueueing_twice_changes_nothing(namespace: Namespace) -> None:
    task_id = await draft(namespace)
    drafts = Drafts(namespace)
    await drafts.enqueue(task_id)
    before = await fields(namespace, task_id)

    answer = await drafts.enqueue(task_id, Placement(queue="other", priority=9))

    assert answer == Answer(task_id, "unchanged", "queued")
    assert await fields(namespace, task_id) == before
    assert await line(namespace) == [task_id]


async def test_a_task_that_ended_is_to_be_reset_first(namespace: Namespace) -> None:
    await add(namespace)
    token = await claim_one(namespace)
    await finish(namespace, token, "failed")

    with pytest.raises(WrongState, match=r"has ended \(failed\); reset it first"):
        await Drafts(namespace).enqueue(token.task_id)


async def test_a_task_that_does_not_exist_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task nope"):
        await Drafts(namespace).enqueue(TaskId("nope"))


# parents


async def test_a_draft_waits_for_its_parents(namespace: Namespace) -> None:
    (parent,) = await add(namespace)
    task_id = await draft(namespace, parents=(Parent(parent),))

    answer = await Drafts(namespace).enqueue(task_id, Placement(delay_ms=60_000))

    assert answer.detail == await state(namespace, task_id) == "waiting"
    assert await by_state(namespace, "waiting") == [task_id]
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await state(namespace, task_id) == "delayed"
    refs = await namespace.redis.hgetall(keys.references(namespace.prefix))
    assert refs[f"t:{parent}".encode()] == b"1"


@pytest.mark.parametrize(
    ("condition", "becomes"), [("ok", "queued"), ("any", "queued"), ("fail", "skipped")]
)
async def test_parents_that_ended_meanwhile_count(
    namespace: Namespace, condition: str, becomes: str
) -> None:
    (parent,) = await add(namespace)
    task_id = await draft(namespace, parents=(Parent(parent, Condition(condition)),))
    await finish(namespace, await claim_one(namespace), "succeeded")

    answer = await Drafts(namespace).enqueue(task_id)

    assert answer.detail == await state(namespace, task_id) == becomes
    assert await by_state(namespace, "waiting") == []
    assert await line(namespace) == ([task_id] if becomes == "queued" else [])


async def test_a_parent_that_is_gone_is_named(namespace: Namespace) -> None:
    p = namespace.prefix
    (parent,) = await add(namespace)
    task_id = await draft(namespace, parents=(Parent(parent),))
    await namespace.redis.delete(keys.task(p, parent))

    with pytest.raises(TaskError, match=f"waits for task {parent}, which does not exist"):
        await Drafts(namespace).enqueue(task_id)
    assert await state(namespace, task_id) == "draft"

    await Drafts(namespace).enqueue(task_id, Placement(drops_parents=True))

    assert task_id in await line(namespace)
    assert "parents" not in await fields(namespace, task_id)
    assert "parents" not in await extra(namespace, task_id)
    assert not await namespace.redis.hexists(keys.references(p), f"t:{parent}")


# uniqueness


async def test_a_draft_takes_its_key_only_now(namespace: Namespace) -> None:
    p = namespace.prefix
    task_id = await draft(namespace, unique="nightly")
    assert not await namespace.redis.exists(keys.unique(p, "nightly"))

    await Drafts(namespace).enqueue(task_id)

    assert await namespace.redis.get(keys.unique(p, "nightly")) == task_id.encode()


async def test_who_holds_the_key_is_named_or_replaced(namespace: Namespace) -> None:
    holder = new_task(unique="nightly")
    await enqueue(namespace, holder)
    task_id = await draft(namespace, unique="nightly")
    drafts = Drafts(namespace)

    with pytest.raises(TaskError, match=f"task {holder.id} has its unique key"):
        await drafts.enqueue(task_id)
    assert await state(namespace, task_id) == "draft"

    (child,) = await add(namespace, parents=(Parent(holder.id),))
    await drafts.enqueue(task_id, Placement(replaces=True))

    assert await state(namespace, holder.id) == "cancelled"
    assert await state(namespace, child) == "skipped"
    assert await line(namespace) == [task_id]
    held = await namespace.redis.get(keys.unique(namespace.prefix, "nightly"))
    assert held == task_id.encode()


async def test_a_running_holder_is_not_replaced(namespace: Namespace) -> None:
    holder = new_task(unique="nightly")
    await enqueue(namespace, holder)
    await claim_one(namespace)
    task_id = await draft(namespace, unique="nightly")

    with pytest.raises(TaskError, match=holder.id):
        await Drafts(namespace).enqueue(task_id, Placement(replaces=True))


@pytest.mark.parametrize("trouble", ["dead", "another draft", "itself", "garbage"])
async def test_a_key_that_no_live_task_holds_is_free(namespace: Namespace, trouble: str) -> None:
    p = namespace.prefix
    task_id = await draft(namespace, unique="nightly")
    (other,) = await add(namespace, is_draft=trouble == "another draft", unique="nightly")
    if trouble == "dead":
        await namespace.redis.hset(keys.task(p, other), "state", "dead")
    holder = {"itself": task_id, "garbage": "\x00"}.get(trouble, other)
    await namespace.redis.set(keys.unique(p, "nightly"), holder)

    await Drafts(namespace).enqueue(task_id)

    assert await namespace.redis.get(keys.unique(p, "nightly")) == task_id.encode()
