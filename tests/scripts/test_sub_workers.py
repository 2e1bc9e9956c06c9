"""The light tasks of a worker as workers of their own."""

import json

import pytest

from rq_agent.broker.errors import SelectorError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.presence import Workers
from rq_agent.broker.sub_workers import SubWorker, sub_workers
from rq_agent.broker.tasks import Tasks

from . import steps
from .steps import add, claim

LIGHT = Need(light=True)


def host(
    number: int, *newest: TaskId, kind: str = "coroutine", tasks: int = 3
) -> dict[str, object]:
    fields = {"number": number, "kind": kind, "pid": 7, "tasks": tasks, "rss_mib": 64.0}
    return {**fields, "newest": newest}


async def services(ns: Namespace, count: int, *, worker: str = "w", **facts: str) -> list[TaskId]:
    """Let a worker in services mode run some tasks; return their ids, the oldest first."""
    await steps.beat(ns, worker=worker, facts={"services": "100", **facts})
    ids = await add(ns, count, need=LIGHT, name="bot.py")
    await claim(ns, worker=worker, limit=count, needs=(LIGHT,))
    return ids


async def listed(ns: Namespace, *, most: int | None = 20) -> list[SubWorker]:
    return await sub_workers(ns, await Workers(ns).live(), most=most)


async def test_each_task_of_a_worker_in_services_mode_is_one_the_newest_first(
    namespace: Namespace,
) -> None:
    await steps.beat(namespace, worker="ordinary", facts={"slots": "1"})
    await steps.running(namespace, worker="ordinary", queue="other")
    ids = await services(namespace, 3)

    found = await listed(namespace)

    assert [each.sub_worker for each in found] == [f"w/{task_id}" for task_id in ids[::-1]]
    assert {(each.name, each.queue, each.state) for each in found} == {("bot.py", "q", "running")}
    assert all(0 <= (each.run_s or 0) < 60 for each in found)
    assert all(0 < (each.lease_s or 0) <= steps.LEASE_MS / 1000 for each in found)


async def test_only_so_many_of_each_worker_are_looked_up(namespace: Namespace) -> None:
    ids = await services(namespace, 4)
    others = await services(namespace, 1, worker="other")

    assert [each.id for each in await listed(namespace, most=2)] == [*others, ids[3], ids[2]]
    assert len(await listed(namespace, most=None)) == 5


async def test_memory_is_its_own_of_a_process_and_that_of_its_host_of_a_coroutine(
    namespace: Namespace,
) -> None:
    forked, shares, alone, old = await services(namespace, 4)
    hosts = [
        host(1, shares),
        host(2, forked, kind="process"),
        host(3, alone, tasks=1),
    ]
    facts = {"services": "9", "hosts": json.dumps(hosts), "sub_mem": f'{{"{forked}": 12.5}}'}
    await steps.beat(namespace, worker="w", facts=facts)

    found = {e.id: (e.host, e.mem_mib, e.is_mem_shared) for e in await listed(namespace)}

    assert found == {
        forked: (2, 12.5, False),
        shares: (1, 64.0, True),
        alone: (3, 64.0, False),
        old: (None, None, False),
    }


@pytest.mark.parametrize(
    "facts",
    [
        {"hosts": json.dumps([host(1), host(2)])},
        {"hosts": "[]"},
        {"hosts": '{"a":', "sub_mem": "[]"},
        {"hosts": '[{"number": "x"}]', "sub_mem": '{"a": "b"}'},
    ],
)
async def test_memory_is_not_told_where_nobody_knows_it(
    namespace: Namespace, facts: dict[str, str]
) -> None:
    await services(namespace, 1, **facts)

    [found] = await listed(namespace)

    assert (found.mem_mib, found.is_mem_shared) == (None, False)


async def test_a_task_that_was_asked_to_stop_is_stopping(namespace: Namespace) -> None:
    await services(namespace, 1)
    [found] = await listed(namespace)
    await Tasks(namespace).cancel(found.id)

    [found] = await listed(namespace)

    assert found.state == "stopping"


async def test_a_sub_worker_is_found_by_its_name(namespace: Namespace) -> None:
    ids = await services(namespace, 2)
    lookups = Lookups(namespace)

    assert await lookups.resolve(f"w/{ids[1]}") == ids[1]
    with pytest.raises(SelectorError, match=f"is the beginning of several ids: {ids[0]}, {ids[1]}"):
        await lookups.resolve(f"w/{ids[0][:4]}")
    with pytest.raises(SelectorError, match="no task of worker other has the id"):
        await lookups.resolve(f"other/{ids[1]}")


async def test_a_task_that_is_named_like_a_sub_worker_is_found_by_that(
    namespace: Namespace,
) -> None:
    [task_id] = await add(namespace, name="w/last")

    assert await Lookups(namespace).resolve("w/last") == task_id
