import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskError, TaskNotFound
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging

from .retiring import archived, collect, ended, keys_of, purge, seconds_until
from .steps import add, events, running


async def test_a_final_task_goes_as_soon_as_the_archive_has_it(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id

    await Purging(namespace).archive(task_id)

    assert (await purge(namespace)).purged == 0  # nothing has it yet
    await Purging(namespace).note_archived(await collect(namespace))
    assert (await purge(namespace)).purged == 1
    assert await keys_of(namespace, task_id) == set()
    assert [e["id"] for e in await events(namespace, "archive")] == [task_id]


async def test_what_the_archive_has_is_not_written_once_more(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id

    await Purging(namespace).archive(task_id)

    assert await collect(namespace) == []
    assert await seconds_until(namespace, keys.done(namespace.prefix), task_id) <= 0


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_a_live_task_can_not_be_archived(namespace: Namespace, state: str) -> None:
    if state == "queued":
        [task_id] = await add(namespace)
    else:
        task_id = (await running(namespace)).task_id
    before = await keys_of(namespace, task_id)

    with pytest.raises(TaskError, match=f"task {task_id}: it is {state}: only a task that ended"):
        await Purging(namespace).archive(task_id)

    assert await keys_of(namespace, task_id) == before
    assert await events(namespace, "archive") == []


async def test_an_unknown_task_is_said_to_be_unknown(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound):
        await Purging(namespace).archive(TaskId("0" * 16))
