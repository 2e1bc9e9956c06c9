from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging

from .retiring import collect, ended, make_due, seconds_until
from .steps import members


async def test_what_was_given_back_is_collected_at_once(namespace: Namespace) -> None:
    ids = [(await ended(namespace)).task_id for _ in range(2)]
    await make_due(namespace, *ids)
    found = await collect(namespace)
    assert await collect(namespace) == []

    assert await Purging(namespace).give_back(found) == 2

    waits_s = await seconds_until(namespace, keys.unarchived(namespace.prefix), ids[0])
    assert -10 < waits_s <= 0
    assert sorted(task.task_id for task in await collect(namespace)) == ids


async def test_what_the_archive_has_meanwhile_stays_out(namespace: Namespace) -> None:
    ids = [(await ended(namespace)).task_id for _ in range(2)]
    await make_due(namespace, *ids)
    found = await collect(namespace)
    await Purging(namespace).note_archived(found[:1])

    assert await Purging(namespace).give_back(found) == 1

    left = await members(namespace, keys.unarchived(namespace.prefix))
    assert left == [found[1].task_id]


async def test_any_number_is_given_back_in_batches(namespace: Namespace) -> None:
    await make_due(namespace, (await ended(namespace)).task_id)
    [task] = await collect(namespace)

    assert await Purging(namespace).give_back([task] * 201) >= 1
    assert await Purging(namespace).give_back([]) == 0
