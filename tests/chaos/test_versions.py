"""The version before this suite and this one on one Redis, and each after the other."""

import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker import urls
from rq_agent.broker.keys import TaskId

from ..integration.worker.lab import Lab, open_lab
from ..leak_check import check_no_leaks
from ..servers import Servers
from . import figures
from .older import NEW, Version, Worker, old
from .sizes import long_only

pytestmark = [long_only, pytest.mark.timeout(300)]  # starts of whole workers take their seconds

COUNT: Final = 10
PLAIN: Final = "import sys; print('ran'); sys.exit(0)\n"
TALKER: Final = """
import os, time
print("before", flush=True)
until_s = time.monotonic() + 60  # it outlives a test that fails, but not for long
while not os.path.exists("go") and time.monotonic() < until_s:
    time.sleep(0.02)
print("after")
"""


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return old(tmp_path_factory.mktemp("older"))


@pytest.fixture
async def lab(servers: Servers, tmp_path: Path) -> AsyncIterator[Lab]:
    url = urls.of_socket(servers.socket("valkey"))
    async with open_lab(url, f"c{secrets.token_hex(4)}", tmp_path) as lab:
        yield lab
        await check_no_leaks(lab.namespace)


async def submitted(
    lab: Lab, version: Version, script: Path, *, count: int = 1, **options: object
) -> list[TaskId]:
    def submit() -> list[TaskId]:
        return version.submit(lab, script, count=count, **options)

    return await anyio.to_thread.run_sync(submit)


async def test_both_versions_run_what_both_submit(lab: Lab, older: Version, tmp_path: Path) -> None:
    versions, script = (older, NEW), lab.script(PLAIN)
    with ExitStack() as workers:
        for version in versions:
            queues = ",".join(f"{client.name}-{version.name}" for client in versions)
            options = ("--slots", "4", "--queues", queues)
            workers.enter_context(Worker(lab, version, version.name, tmp_path / "log", *options))
        ids = []
        for client, version in product(versions, versions):
            queue = f"{client.name}-{version.name}"
            ids += await submitted(lab, client, script, count=COUNT, queue=queue)
        records = await lab.ended(*ids)
        shown = [version.command(lab, "ps", "--all", "--json") for version in versions]

    assert {record.state for record in records} == {"succeeded"}
    assert {record.lost for record in records} == {0}
    for listed in shown:
        assert sum(task_id in listed for task_id in ids) > 0
    figures.note("mixed versions", tasks=len(ids), lost=0, pairs=4)


@pytest.mark.parametrize("count", [3])
async def test_the_new_version_goes_on_with_what_the_old_one_runs(
    lab: Lab, older: Version, tmp_path: Path, count: int
) -> None:
    script, log, slots = lab.script(TALKER), tmp_path / "log", ("--slots", str(count))
    with Worker(lab, older, "w1", log, *slots) as before:
        ids = await submitted(lab, older, script, count=count)
        await printed(lab, ids)
        before.kill()
        with Worker(lab, NEW, "w1", log, *slots):
            await lab.worker_is("w1", "busy")
            let_go(lab, ids, fence=1)
            records = await lab.ended(*ids)
            outputs = [await lab.output(task_id) for task_id in ids]

    assert {(r.state, r.attempt, r.fence, r.lost) for r in records} == {("succeeded", 1, 1, 0)}
    assert set(outputs) == {"before\nafter\n"}
    figures.note("upgrade under running tasks", tasks=count, went_on=count, lost=0)


async def test_the_old_version_takes_over_what_the_new_one_runs(
    lab: Lab, older: Version, tmp_path: Path
) -> None:
    """It never could go on with a program: it stops it, and gives the task back, uncharged."""
    script, log = lab.script(TALKER), tmp_path / "log"
    with Worker(lab, NEW, "w1", log) as before:
        [task_id] = await submitted(lab, NEW, script)
        await printed(lab, [task_id])
        before.kill()
        with Worker(lab, older, "w1", log):
            await lab.reached(task_id, "claimed", fence="2")
            await lab.printed(task_id, "before")
            let_go(lab, [task_id], fence=2)
            [record] = await lab.ended(task_id)

    assert (record.state, record.attempt, record.fence, record.lost) == ("succeeded", 1, 2, 0)
    figures.note("downgrade under running tasks", tasks=1, ran_anew=1, lost=0)


async def test_an_old_worker_refuses_what_it_does_not_know(
    lab: Lab, older: Version, tmp_path: Path
) -> None:
    script = lab.script(PLAIN)
    with Worker(lab, older, "w1", tmp_path / "log"):
        [plain] = await submitted(lab, NEW, script)
        [limited] = await submitted(lab, NEW, script, mem_limit_mib=100)
        ran, refused = await lab.ended(plain, limited)

    assert ran.state == "succeeded"
    assert refused.state == "errored"
    assert "mem_limit_mib" in refused.reason
    figures.note("new features on an old worker", refused=1, words=refused.reason)


async def printed(lab: Lab, ids: list[TaskId]) -> None:
    for task_id in ids:
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "before")


def let_go(lab: Lab, ids: list[TaskId], *, fence: int) -> None:
    for task_id in ids:
        tree = lab.run_folder(task_id, fence) / "tree"
        (tree / "go").write_text("on")
