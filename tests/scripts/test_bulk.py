"""A verb for all tasks of a filter: none skipped, none twice, and it can be taken up again."""

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from rq_agent.broker import bulk, keys, verbs
from rq_agent.broker.answers import Answer
from rq_agent.broker.bulk import Progress, apply, matching
from rq_agent.broker.drafts import Drafts, Placement
from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.labels import Labels
from rq_agent.broker.listing import Filters
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import TaskState
from rq_agent.broker.verbs import Verb

from .steps import add, claim_one, fields, finish, line, members, state

DRAFTS = Filters(states=(TaskState.DRAFT,))
QUEUED = Filters(states=(TaskState.QUEUED,))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "STEP", 3)


async def all_of(ns: Namespace, verb: Verb, filters: Filters, **options: Any) -> list[Progress]:
    return [progress async for progress in apply(ns, verb, filters, **options)]


async def test_drafts_are_enqueued_in_the_order_in_which_they_were_made(
    namespace: Namespace,
) -> None:
    ids = await add(namespace, 8, is_draft=True)

    steps = await all_of(namespace, Drafts(namespace).enqueue_many, DRAFTS)

    assert await line(namespace) == ids
    assert [(s.done, s.total) for s in steps] == [(3, 8), (6, 8), (8, 8)]
    assert [s.after for s in steps] == [ids[2], ids[5], ids[7]]
    assert steps[-1].counts == {"enqueued": 8}


@pytest.mark.parametrize("steps_before", [0, 1, 2])
async def test_it_goes_on_where_it_was_stopped(namespace: Namespace, steps_before: int) -> None:
    ids = await add(namespace, 8)
    dequeue, after = Drafts(namespace).dequeue_many, None
    async with aclosing(apply(namespace, dequeue, QUEUED)) as steps:
        for _ in range(steps_before):
            after = (await anext(steps)).after

    rest = await all_of(namespace, dequeue, QUEUED, after=after)

    assert rest[-1].total == 8 - 3 * steps_before
    assert rest[-1].counts == {"dequeued": 8 - 3 * steps_before}
    assert await members(namespace, keys.index(namespace.prefix, "state", "draft")) == ids


async def test_an_error_on_the_way_leaves_every_task_done_or_not(namespace: Namespace) -> None:
    ids = await add(namespace, 8)
    dequeue, calls = Drafts(namespace).dequeue_many, 0

    async def failing(part: Sequence[TaskId]) -> list[Answer]:
        nonlocal calls
        calls += 1
        if calls == 2:
            await dequeue(part[:1])
            raise ConnectionError("the answer was lost")
        return await dequeue(part)

    with pytest.raises(ConnectionError):
        await all_of(namespace, failing, QUEUED)
    assert await line(namespace) == ids[4:]

    (*_, last) = await all_of(namespace, failing, QUEUED)
    assert last.counts == {"dequeued": 4}
    assert await line(namespace) == []


async def test_only_what_the_filter_accepts_is_touched(namespace: Namespace) -> None:
    (mine,) = await add(namespace, user="me", labels={"a": "1"}, name="n")
    others = [
        *await add(namespace, user="you", labels={"a": "1"}, name="n"),
        *await add(namespace, user="me", labels={"a": "2"}, name="n"),
        *await add(namespace, user="me", labels={"a": "1"}, name="m"),
        *await add(namespace, user="me", labels={"a": "1"}, name="n", queue="other"),
        *await add(namespace, user="me", labels={"a": "1"}, name="n", is_draft=True),
    ]
    states = [await state(namespace, i) for i in others]
    filters = Filters(states=(TaskState.QUEUED,), queue="q", user="me", name="n", label="a=1")

    (progress,) = await all_of(namespace, verbs.cancelling(namespace, reason="old"), filters)

    assert progress.answers == [Answer(mine, "cancelled")]
    assert [await state(namespace, i) for i in others] == states


async def test_a_task_that_changed_after_the_search_is_left_alone(namespace: Namespace) -> None:
    ids = await add(namespace, 4)
    cancel, seen = verbs.cancelling(namespace), list[TaskId]()

    async def slow(part: Sequence[TaskId]) -> list[Answer]:
        answers = await cancel(part)
        if not seen:
            seen.append((await claim_one(namespace)).task_id)
        return answers

    (*_, last) = await all_of(namespace, slow, QUEUED)

    assert last.counts == {"cancelled": 3, "unmatched": 1}
    assert await state(namespace, ids[3]) == "running"
    assert "cancel" not in await fields(namespace, ids[3])


async def test_members_of_an_index_without_a_record_stop_nothing(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    gone, broken, sound = await add(namespace, 3, is_draft=True)
    await redis.delete(keys.task(p, gone), keys.task(p, broken))
    await redis.set(keys.task(p, broken), "x")

    (progress,) = await all_of(namespace, Drafts(namespace).enqueue_many, DRAFTS)

    assert progress.counts == {"missing": 1, "unmatched": 1, "enqueued": 1}
    assert await line(namespace) == [sound]
    await redis.delete(keys.task(p, broken))


async def test_counting_changes_nothing(namespace: Namespace) -> None:
    ids = await add(namespace, 5)

    assert await matching(namespace, QUEUED) == ids
    assert await matching(namespace, QUEUED, after=ids[3]) == ids[4:]
    assert await matching(namespace, QUEUED, after=ids[4]) == []
    assert await line(namespace) == ids


async def test_what_one_verb_can_not_do_is_counted_by_its_reason(namespace: Namespace) -> None:
    await add(namespace, 2)
    token = await claim_one(namespace)
    everything = Filters(queue="q")

    (progress,) = await all_of(namespace, Drafts(namespace).dequeue_many, everything)
    assert progress.counts == {"is running": 1, "dequeued": 1}

    await finish(namespace, token, "succeeded")
    (progress,) = await all_of(namespace, Drafts(namespace).reset_many, everything)
    assert progress.counts == {"reset": 1, "unchanged": 1}
    placement = Placement(queue="other")
    (progress,) = await all_of(
        namespace, partial(Drafts(namespace).enqueue_many, placement=placement), everything
    )
    assert progress.counts == {"enqueued": 2}


async def test_the_other_verbs_work_by_filter_too(namespace: Namespace) -> None:
    p = namespace.prefix
    first, second = await add(namespace, 2)
    q = Filters(queue="q")
    labelling = partial(Labels(namespace).change_many, labels={"a": "b"})

    done = [
        *await all_of(namespace, labelling, q),
        *await all_of(namespace, verbs.prioritizing(namespace, 5), q),
        *await all_of(namespace, verbs.archiving(namespace), q),
        *await all_of(namespace, verbs.cancelling(namespace), Filters(label="a=b")),
        *await all_of(namespace, verbs.archiving(namespace), q),
        *await all_of(namespace, verbs.moving(namespace, "other"), q),
    ]

    assert [step.counts for step in done] == [
        {"labelled": 2},
        {"moved": 2},
        {"is queued": 2},
        {"cancelled": 2},
        {"archived": 2},
        {"is cancelled": 2},
    ]
    assert (await fields(namespace, first))["priority"] == "5"
    assert await members(namespace, keys.unarchived(p)) == [first, second]


async def test_moving_to_a_queue_keeps_the_order(namespace: Namespace) -> None:
    ids = await add(namespace, 7)

    await all_of(namespace, verbs.moving(namespace, "other"), Filters(queue="q"))

    assert await line(namespace, "other") == ids


async def test_nothing_to_do_is_no_step(namespace: Namespace) -> None:
    assert await all_of(namespace, verbs.cancelling(namespace), Filters(user="nobody")) == []


def test_what_can_not_be_is_refused_before_anything_is_done(namespace: Namespace) -> None:
    with pytest.raises(UsageError, match="priority 999"):
        verbs.prioritizing(namespace, 999)
    with pytest.raises(UsageError, match="is not a name"):
        verbs.moving(namespace, "a\nb")
