from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging

from .retiring import collect, ended, make_due
from .steps import add, claim_one, fields, finish, members


async def test_the_archive_has_it_is_noted_in_the_record(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)

    noted = await Purging(namespace).note_archived(await collect(namespace))

    stored = await fields(namespace, task_id)
    assert noted == 1
    assert stored["archived_ms"] == stored["finished_ms"]
    assert await members(namespace, keys.unarchived(namespace.prefix)) == []
    assert await members(namespace, keys.done(namespace.prefix)) == [task_id]


async def test_noting_it_twice_does_no_harm(namespace: Namespace) -> None:
    await make_due(namespace, (await ended(namespace)).task_id)
    found = await collect(namespace)

    assert await Purging(namespace).note_archived(found) == 1
    assert await Purging(namespace).note_archived(found) == 1


async def test_an_end_that_counts_no_more_is_not_noted(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)
    found = await collect(namespace)
    task = keys.task(namespace.prefix, task_id)
    await namespace.redis.hset(task, "finished_ms", "1")  # it was reset and ran once more

    assert await Purging(namespace).note_archived(found) == 0

    assert "archived_ms" not in await fields(namespace, task_id)
    assert await members(namespace, keys.unarchived(namespace.prefix)) == [task_id]


async def test_a_live_or_vanished_task_is_not_noted(namespace: Namespace) -> None:
    await add(namespace, 2)
    first, second = await claim_one(namespace), await claim_one(namespace)
    for held in (first, second):
        await finish(namespace, held, "succeeded")
    await make_due(namespace, first.task_id, second.task_id)
    found = await collect(namespace)
    await namespace.redis.hset(keys.task(namespace.prefix, first.task_id), "state", "draft")
    await namespace.redis.delete(keys.task(namespace.prefix, second.task_id))

    assert await Purging(namespace).note_archived(found) == 0

    assert "archived_ms" not in await fields(namespace, first.task_id)
    assert await fields(namespace, second.task_id) == {}


async def test_any_number_is_noted_in_batches(namespace: Namespace) -> None:
    await make_due(namespace, (await ended(namespace)).task_id)
    [task] = await collect(namespace)

    assert await Purging(namespace).note_archived([task] * 450) == 450
    assert await Purging(namespace).note_archived([]) == 0
