"""The Python API and a real worker: submitted, run in hosts, waited for."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import anyio
import pytest

from rq_agent import Client, TaskCancelled, TaskFailed, TaskTimedOut

from .lab import Lab

TASKS = """
import asyncio
from dataclasses import dataclass
from rq_agent import Client, task

@dataclass
class Order:
    item: str
    count: int = 1

@task
async def add(a: int, b: int = 1) -> int:
    print("adding")
    return a + b

@task
def double(order: Order) -> Order:
    return Order(order.item, 2 * order.count)

@task(retries=1, retry_delay=0)
async def fail(problem: str) -> None:
    raise ValueError(problem)

@task(timeout=0.1)
async def late() -> None:
    await asyncio.sleep(60)

@task(grace=1)
async def endless() -> None:
    print("it runs", flush=True)
    await asyncio.sleep(3600)
"""


@pytest.fixture
def tasks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module with tasks, in the folder of the lab's submitter."""
    path = lab.script(TASKS, "tasks_of_api.py")
    (path.parent / "requirements.txt").write_text("")
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setenv("RQ_AGENT_HOME", str(lab.home.config.parent))
    yield importlib.import_module("tasks_of_api")
    del sys.modules["tasks_of_api"]


async def test_functions_run_on_a_worker_as_they_would_here(lab: Lab, tasks: ModuleType) -> None:
    with anyio.fail_after(60):
        async with (
            lab.worker(queues=("services",), slots=0, services=20),
            Client(lab.url, lab.namespace.name) as client,
        ):
            handles = await tasks.add.map(range(20))
            order = await tasks.double.submit(tasks.Order("tea", 2))
            failing = await tasks.fail.submit("no tea")
            late = await tasks.late.submit()
            endless = await tasks.endless.submit()

            assert await client.gather(*handles) == list(range(1, 21))
            assert await order.result() == tasks.Order("tea", 4)
            assert await handles[0].logs() == "adding\n"
            with pytest.raises(TaskFailed, match="ValueError: no tea") as failed:
                await failing.result()
            assert "raise ValueError(problem)" in failed.value.log
            assert (await failing.status()).attempt == 2
            with pytest.raises(TaskTimedOut):
                await late.result()
            await lab.reached(endless.id, "claimed")
            await endless.cancel("enough")
            with pytest.raises(TaskCancelled, match="enough"):
                await endless.result()
