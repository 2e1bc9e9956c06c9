"""A task that ended becomes a draft, as if it had never run; no claim of before counts again."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.errors import TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.states import FINAL
from rq_agent.broker.tasks import Tasks

from .steps import (
    add,
    beat,
    claim,
    claim_one,
    events,
    expire_lease,
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


async def test_nothing_of_the_end_is_left(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (task_id,) = await add(namespace, priority=3, queue_timeout_ms=60_000)
    fresh = await fields(namespace, task_id)
    token = await claim_one(namespace)
    await redis.hset(keys.extra(p, task_id), "used", "{}")
    await finish(namespace, token, "failed", exit_code=3, reason="exit 3", result=b"half")
    await redis.hset(
        keys.task(p, task_id),
        mapping={"archived_ms": "1", "overdue": "1", "edits": "1", "cancel": "x"},
    )

    assert await Drafts(namespace).reset(task_id) == Answer(task_id, "reset")

    del fresh["order"]
    assert await fields(namespace, task_id) == fresh | {"state": "draft", "fence": "1"}
    assert await extra(namespace, task_id) == {}
    assert not await redis.exists(keys.result(p, task_id), keys.done(p), keys.unarchived(p))
    assert await members(namespace, keys.index(p, "state", "failed")) == []
    assert await members(namespace, keys.index(p, "state", "draft")) == [task_id]
    assert await history(namespace, task_id) == ["enqueued", "claimed", "failed", "reset"]
    assert [e["state"] for e in await events(namespace, "reset")] == ["draft"]


@pytest.mark.parametrize("ended", sorted(FINAL))
async def test_whatever_end_it_had_it_is_a_draft(namespace: Namespace, ended: str) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, is_draft=True)
    await Tasks(namespace).cancel(task_id)
    await namespace.redis.hset(keys.task(p, task_id), "state", ended)
    await namespace.redis.zadd(keys.dead(p), {task_id: 1})

    await Drafts(namespace).reset(task_id)

    assert await state(namespace, task_id) == "draft"
    assert await members(namespace, keys.dead(p)) == []


async def test_it_runs_once_more_with_all_of_its_tries(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, max_lost=1)
    await claim_one(namespace)
    await lose(namespace, task_id)
    await claim_one(namespace)
    await expire_lease(namespace, task_id)
    await tick(namespace)
    assert await state(namespace, task_id) == "dead"
    drafts = Drafts(namespace)

    await drafts.reset(task_id)
    await drafts.enqueue(task_id)
    await claim_one(namespace)
    await lose(namespace, task_id)

    assert await state(namespace, task_id) == "queued"


@pytest.mark.parametrize("is_enqueued", [False, True])
async def test_a_claim_of_before_never_counts_again(
    namespace: Namespace, is_enqueued: bool
) -> None:
    zombie = await running(namespace, worker="zombie")
    await lose(namespace, zombie.task_id)
    await Tasks(namespace).cancel(zombie.task_id)
    drafts = Drafts(namespace)

    await drafts.reset(zombie.task_id)
    if is_enqueued:
        await drafts.enqueue(zombie.task_id)

    assert await finish(namespace, zombie, "succeeded") == -2
    heard = await beat(namespace, zombie, worker="zombie")
    assert heard.lost == (zombie.task_id,)
    assert await state(namespace, zombie.task_id) == ("queued" if is_enqueued else "draft")


async def test_the_replay_of_a_finish_does_not_end_it_again(namespace: Namespace) -> None:
    token = await running(namespace)
    await finish(namespace, token, "failed")
    drafts = Drafts(namespace)

    await drafts.reset(token.task_id)
    await drafts.enqueue(token.task_id)
    assert await finish(namespace, token, "failed") == -2
    second = await claim_one(namespace)

    assert second.fence == token.fence + 1
    assert await finish(namespace, token, "failed") == -2
    assert await finish(namespace, second, "succeeded") == 1


async def test_logs_stay_until_their_time(namespace: Namespace) -> None:
    token = await running(namespace)
    key = keys.log(namespace.prefix, token.task_id, token.fence)
    await namespace.redis.xadd(key, {"o": b"hello"})
    await finish(namespace, token, "failed")

    await Drafts(namespace).reset(token.task_id)

    assert await namespace.redis.pttl(key) > 0
    assert (await fields(namespace, token.task_id))["fence"] == str(token.fence)


# families


async def test_what_it_waits_for_is_kept_once_more(namespace: Namespace) -> None:
    refs = keys.references(namespace.prefix)
    parent, gone = await add(namespace, 2)
    (child,) = await add(namespace, parents=(Parent(parent), Parent(gone)))
    await Tasks(namespace).cancel(child)
    assert not await namespace.redis.hexists(refs, f"t:{parent}")
    await namespace.redis.delete(keys.task(namespace.prefix, gone))

    await Drafts(namespace).reset(child)

    assert await namespace.redis.hget(refs, f"t:{parent}") == b"1"
    assert not await namespace.redis.hexists(refs, f"t:{gone}")
    await Tasks(namespace).cancel(child)
    assert not await namespace.redis.hexists(refs, f"t:{parent}")


async def test_children_that_were_not_told_wait_for_the_next_end(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (parent,) = await add(namespace)
    (child,) = await add(namespace, parents=(Parent(parent),))
    await redis.hset(keys.task(p, parent), "state", "failed")  # nobody was told yet
    await redis.sadd(keys.resolve(p), parent)
    drafts = Drafts(namespace)

    await drafts.reset(parent)
    assert not await redis.exists(keys.resolve(p))
    await tick(namespace)
    assert await state(namespace, child) == "waiting"

    await redis.delete(*[k async for k in redis.scan_iter(match=f"{p}q:*")])
    await drafts.enqueue(parent)
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await line(namespace) == [child]


async def test_the_unique_key_of_another_is_left_alone(namespace: Namespace) -> None:
    key = keys.unique(namespace.prefix, "nightly")
    (task_id,) = await add(namespace, unique="nightly")
    await Tasks(namespace).cancel(task_id)
    (other,) = await add(namespace, unique="nightly")

    await Drafts(namespace).reset(task_id)

    assert await namespace.redis.get(key) == other.encode()


# refusals


async def test_resetting_twice_does_no_harm(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, is_draft=True)

    assert await Drafts(namespace).reset(task_id) == Answer(task_id, "unchanged", "draft")


@pytest.mark.parametrize(
    ("how", "words"), [("queued", "it has not ended; cancel it first"), ("running", "cancel it")]
)
async def test_a_live_task_is_not_reset(namespace: Namespace, how: str, words: str) -> None:
    (task_id,) = await add(namespace)
    if how == "running":
        await claim_one(namespace)
    before = await fields(namespace, task_id)

    with pytest.raises(WrongState, match=words):
        await Drafts(namespace).reset(task_id)

    assert await fields(namespace, task_id) == before


async def test_a_purged_task_is_not_found(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound):
        await Drafts(namespace).reset(TaskId("0" * 16))


async def test_strange_fields_stop_nothing(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (first, second) = await add(namespace, 2)
    for task_id in (first, second):
        await Tasks(namespace).cancel(task_id)
    await redis.delete(keys.extra(p, first))
    await redis.set(keys.extra(p, first), "x")
    await redis.hset(keys.task(p, first), mapping={"parents": "many", "fence": "\x00", "zzz": "1"})

    answers = await Drafts(namespace).reset_many([first, second])

    assert [a.outcome for a in answers] == ["reset", "reset"]
    assert (await claim(namespace)).claims == ()
    await redis.delete(keys.extra(p, first))
