from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.purging import Purging

from .retiring import archived, collect, ended, keys_of, make_due, purge, seconds_until
from .steps import (
    add,
    claim_one,
    enqueue,
    events,
    fields,
    finish,
    members,
    new_task,
    state,
)


async def test_nothing_of_a_purged_task_stays(namespace: Namespace) -> None:
    done = await archived(
        namespace, name="train", user="ada", labels={"team": "vision", "a": "b=c"}
    )
    await Logs(namespace).append(done, [Chunk(stream="out", offset=0, raw_bytes=1, data=b"x")])
    await namespace.redis.xadd(keys.scalars(namespace.prefix, done.task_id), {"loss": "1"})

    purged = await purge(namespace)

    assert (purged.purged, purged.more) == (1, False)
    assert await keys_of(namespace, done.task_id) == set()
    assert await events(namespace, "purged") == [
        {"id": done.task_id, "event": "purged", "state": "succeeded", "queue": "q"}
    ]
    assert (await purge(namespace)).purged == 0


async def test_only_what_is_due_goes(namespace: Namespace) -> None:
    early, late = await archived(namespace), await archived(namespace)
    far = 4_000_000_000_000
    await namespace.redis.zadd(keys.done(namespace.prefix), {late.task_id: far})

    assert (await purge(namespace)).purged == 1

    assert await fields(namespace, early.task_id) == {}
    assert (await fields(namespace, late.task_id))["state"] == "succeeded"


async def test_what_the_archive_lacks_stays_and_is_written_next(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    p = namespace.prefix
    await make_due(namespace, task_id)
    await namespace.redis.delete(keys.unarchived(p))  # it ended before there was an archive

    assert (await purge(namespace)).unarchived == 1

    assert (await fields(namespace, task_id))["state"] == "succeeded"
    assert await seconds_until(namespace, keys.unarchived(p), task_id) <= 0
    assert 3500 < await seconds_until(namespace, keys.done(p), task_id) <= 3600


async def test_what_was_due_before_goes_as_soon_as_the_archive_has_it(
    namespace: Namespace,
) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)
    await purge(namespace)

    await Purging(namespace).note_archived(await collect(namespace))

    assert "overdue" not in await fields(namespace, task_id)
    assert (await purge(namespace)).purged == 1


async def test_what_was_due_before_it_ran_again_has_all_its_time(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)
    await purge(namespace)
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "finished_ms", "12345")

    await Purging(namespace).note_archived(await collect(namespace))

    assert await seconds_until(namespace, keys.done(namespace.prefix), task_id) > 3500


async def test_an_archiver_keeps_its_lease_when_a_task_is_due(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    before_s = await seconds_until(namespace, keys.unarchived(namespace.prefix), task_id)
    await namespace.redis.zadd(keys.done(namespace.prefix), {task_id: 1})

    await purge(namespace)

    after_s = await seconds_until(namespace, keys.unarchived(namespace.prefix), task_id)
    assert before_s - 5 < after_s <= before_s


async def test_another_end_than_the_archived_one_stays(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id
    task = keys.task(namespace.prefix, task_id)
    await namespace.redis.hset(task, "finished_ms", "12345")  # it ran once more

    assert (await purge(namespace)).unarchived == 1
    assert (await fields(namespace, task_id))["finished_ms"] == "12345"


async def test_a_task_that_was_reset_is_not_purged(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "state", "draft")

    assert (await purge(namespace)).dropped == 1

    assert (await fields(namespace, task_id))["state"] == "draft"
    assert await members(namespace, keys.done(namespace.prefix)) == []
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "state", "succeeded")


async def test_a_parent_stays_as_long_as_a_child_is_not_final(namespace: Namespace) -> None:
    p = namespace.prefix
    task_id = (await archived(namespace)).task_id
    await namespace.redis.hset(keys.references(p), f"t:{task_id}", 1)

    assert (await purge(namespace)).needed == 1
    assert 86_000 < await seconds_until(namespace, keys.done(p), task_id) <= 86_400

    await namespace.redis.hdel(keys.references(p), f"t:{task_id}")
    await make_due(namespace, task_id)
    assert (await purge(namespace)).purged == 1


async def test_a_parent_goes_when_all_of_its_children_have_ended(namespace: Namespace) -> None:
    parent = (await archived(namespace)).task_id
    [other] = await add(namespace)
    child = new_task(parents=(Parent(parent), Parent(other, Condition.ANY)))
    await enqueue(namespace, child)
    assert await state(namespace, child.id) == "waiting"

    assert (await purge(namespace)).needed == 1
    for _ in range(2):
        await finish(namespace, await claim_one(namespace), "failed")
    await make_due(namespace, parent)

    assert (await purge(namespace)).purged == 1
    assert await state(namespace, child.id) == "failed"


@pytest.mark.parametrize("count", ["0", "-3", "garbage", "1e300"])
async def test_a_count_of_children_that_nobody_keeps_goes_too(
    namespace: Namespace, count: str
) -> None:
    p = namespace.prefix
    task_id = (await archived(namespace)).task_id
    await namespace.redis.hset(keys.references(p), f"t:{task_id}", count)

    assert (await purge(namespace)).purged == 1

    assert await namespace.redis.hgetall(keys.references(p)) == {}


async def test_a_parent_stays_as_long_as_a_child_was_not_told(namespace: Namespace) -> None:
    p = namespace.prefix
    task_id = (await archived(namespace)).task_id
    await namespace.redis.sadd(keys.children(p, task_id), "ok:0000000000000000")

    assert (await purge(namespace)).needed == 1

    assert (await fields(namespace, task_id))["state"] == "succeeded"
    await namespace.redis.delete(keys.children(p, task_id))


@pytest.mark.parametrize("value", ["nothing", "a string", "other fields"])
async def test_a_member_without_a_readable_record_is_dropped_and_told(
    namespace: Namespace, value: str
) -> None:
    p, task_id = namespace.prefix, TaskId("0" * 16)
    await namespace.redis.zadd(keys.done(p), {task_id: 1})
    if value == "a string":
        await namespace.redis.set(keys.task(p, task_id), "garbage")
    elif value == "other fields":
        await namespace.redis.hset(keys.task(p, task_id), "color", "blue")

    assert (await purge(namespace)).dropped == 1

    assert await members(namespace, keys.done(p)) == []
    assert await events(namespace, "ghost") == [
        {"id": task_id, "event": "ghost", "state": "missing"}
    ]
    await namespace.redis.delete(keys.task(p, task_id))


@pytest.mark.parametrize("labels", ["not json", "[1, 2]", '{"a": {"b": "c"}}', "[" * 5000, "7"])
async def test_garbage_in_a_record_does_not_keep_it(namespace: Namespace, labels: str) -> None:
    p = namespace.prefix
    task_id = (await archived(namespace)).task_id
    hostile: Any = {"fence": "9e99", "user": "\x00" * 100_000, "definition": "?"}
    await namespace.redis.hset(keys.task(p, task_id), mapping=hostile)
    await namespace.redis.hset(keys.extra(p, task_id), mapping={"labels": labels, "name": ""})
    await namespace.redis.set(keys.index(p, "user", "\x00" * 100_000), "not a set")

    assert (await purge(namespace)).purged == 1

    await namespace.redis.delete(keys.index(p, "user", "\x00" * 100_000))
    left = await keys_of(namespace, task_id)
    assert left == set()


async def test_a_call_is_bounded_and_says_that_there_is_more(namespace: Namespace) -> None:
    for _ in range(3):
        await archived(namespace)

    first, second = await purge(namespace, limit=2), await purge(namespace, limit=2)

    assert (first.purged, first.more, second.purged, second.more) == (2, True, 1, False)


async def test_a_full_batch_of_tasks_with_many_logs_goes_in_one_call(namespace: Namespace) -> None:
    ids = await add(namespace, 100)
    for _ in ids:
        await finish(namespace, await claim_one(namespace), "failed")
    for task_id in ids:
        task = keys.task(namespace.prefix, task_id)
        stored = await fields(namespace, task_id)
        await namespace.redis.hset(
            task, mapping={"fence": "40", "archived_ms": stored["finished_ms"]}
        )
    await make_due(namespace, *ids)

    assert (await purge(namespace)).purged == 100
    assert await members(namespace, keys.ids(namespace.prefix)) == []
