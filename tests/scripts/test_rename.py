"""A task gets another name, and is found by it."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.verbs import renaming

from .retiring import archived, collect
from .steps import add, extra, fields, history, running

LONG = "a name of more than 64 bytes, which a record holds beside its short fields: n"


async def rename(ns: Namespace, task_id: TaskId, name: str) -> str:
    [answer] = await renaming(ns, name)([task_id])
    return answer.outcome


async def named(ns: Namespace, name: str) -> list[TaskId]:
    return [r.id for r in (await Lookups(ns).list(Filters(name=name))).records]


@pytest.mark.parametrize("before", ["", "old", LONG + "0"])
@pytest.mark.parametrize("after", ["new", LONG + "1"])
async def test_a_task_is_found_by_its_new_name_only(
    namespace: Namespace, before: str, after: str
) -> None:
    (task_id,) = await add(namespace, name=before)

    assert await rename(namespace, task_id, after) == "renamed"

    assert await named(namespace, after) == [task_id]
    assert not await namespace.redis.exists(keys.index(namespace.prefix, "name", before))
    assert (await Lookups(namespace).record(task_id)).name == after
    assert (await fields(namespace, task_id))["name"] == after[:64]
    assert ("name" in await extra(namespace, task_id)) == (after != "new")
    assert await history(namespace, task_id) == ["enqueued", "renamed"]


async def test_the_name_that_it_has_changes_nothing(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, name="n")

    assert await rename(namespace, task_id, "n") == "unchanged"

    assert await history(namespace, task_id) == []


async def test_a_running_task_is_renamed(namespace: Namespace) -> None:
    task_id = (await running(namespace)).task_id

    assert await rename(namespace, task_id, "n") == "renamed"


async def test_the_archive_gets_the_new_name_of_a_task_that_it_has(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id

    await rename(namespace, task_id, "n")

    assert [task.task_id for task in await collect(namespace)] == [task_id]
    stored = await fields(namespace, task_id)
    assert (stored["edits"], "archived_ms" in stored) == ("1", False)


async def test_what_is_not_there_gets_no_name(namespace: Namespace) -> None:
    task_id = TaskId("0" * 16)

    assert await rename(namespace, task_id, "n") == "missing"

    assert not await namespace.redis.exists(keys.index(namespace.prefix, "name", "n"))


async def test_a_record_that_somebody_broke_stays(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, name="n")
    await namespace.redis.set(keys.extra(namespace.prefix, task_id), "x")

    assert await rename(namespace, task_id, "m") == "unreadable"

    assert (await fields(namespace, task_id))["name"] == "n"
    await namespace.redis.delete(keys.extra(namespace.prefix, task_id))


async def test_a_name_that_no_task_may_have_is_refused(namespace: Namespace) -> None:
    for name in ("x" * 256, "\ud800"):
        with pytest.raises(UsageError):
            renaming(namespace, name)
