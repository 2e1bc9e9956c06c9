"""A server that dies and comes back, with or without its last writes."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Logs

from ...leak_check import check_no_leaks
from ..environment.packages import ends
from .lab import Lab, open_lab
from .outside import worker_process
from .persistent import PersistentServer

TALKER = """
import os
os.mkfifo("go")
os.mkfifo("told")
print("before", flush=True)
open("go").read()
for number in range(100):
    print("line", number, flush=True)
open("told", "w").write("x")
open("go").read()
print("after")
"""
SAID = "before\n" + "".join(f"line {number}\n" for number in range(100)) + "after\n"
NAME = "outage"

OpenLab = Callable[[], AbstractAsyncContextManager[Lab]]


@pytest.fixture
def server() -> Iterator[PersistentServer]:
    with PersistentServer() as server:
        yield server


@pytest.fixture
async def look(server: PersistentServer, cache: Path, tmp_path: Path) -> AsyncIterator[OpenLab]:
    """Open the lab; again after each death of the server, since it takes the connections along."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(cache)
    yield lambda: open_lab(server.url, NAME, tmp_path)
    async with open_lab(server.url, NAME, tmp_path) as lab:
        await check_no_leaks(lab.namespace)


async def started(lab: Lab, script: str = TALKER) -> TaskId:
    task_id = await lab.submit(script)
    await lab.reached(task_id, "phase", phase="running")
    await lab.printed(task_id, "before")
    return task_id


async def go(folder: Path) -> None:
    await in_thread((folder / "tree" / "go").write_text, "on")


async def told(folder: Path) -> None:
    await in_thread((folder / "tree" / "told").read_text)


async def in_thread(step: Callable[..., object], *arguments: object) -> None:
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(step, *arguments, abandon_on_cancel=True)


async def ended(folder: Path) -> None:
    """Wait for the end of a task as the machine sees it."""
    await ends(int(os.readlink(folder / "shim.1").partition(".")[0]))


async def test_a_task_outlives_its_server_and_its_output_is_whole(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        server.kill()
        await go(folder)
        await told(folder)
        server.start()
        async with look() as lab:
            await lab.worker_is("w1", "busy")
            await go(folder)
            [record] = await lab.ended(task_id)
            next_task = await lab.submit("print('claimed again')")
            [after] = await lab.ended(next_task)

            assert (record.state, record.fence, record.attempt, record.lost) == (
                "succeeded",
                1,
                1,
                0,
            )
            assert await lab.output(task_id) == SAID
            assert after.state == "succeeded"


async def test_an_end_while_the_server_is_away_is_told_when_it_is_back(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        server.kill()
        await go(folder)
        await told(folder)
        await go(folder)
        await ended(folder)
        server.start()
        async with look() as lab:
            [record] = await lab.ended(task_id)

            assert (record.state, record.exit_code, record.fence) == ("succeeded", 0, 1)
            assert await lab.output(task_id) == SAID


async def test_a_server_that_came_back_without_the_claim_hears_of_it(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab:
        task_id = await lab.submit(TALKER)
        before_the_claim = server.remember()
        async with worker_process(lab):
            await lab.reached(task_id, "phase", phase="running")
            await lab.printed(task_id, "before")
            folder = lab.run_folder(task_id)
            server.kill()
            server.roll_back(before_the_claim)
            await go(folder)
            await told(folder)
            server.start()
            async with look() as lab:
                await lab.reached(task_id, "readopted")
                await go(folder)
                [record] = await lab.ended(task_id)

                assert (record.state, record.fence, record.attempt) == ("succeeded", 1, 1)
                # What redis had of its output may be gone with the claim; readers are told of it.
                entries, _ = await Logs(lab.namespace).read(task_id, 1)
                output = await lab.output(task_id)
                assert SAID.endswith(output)
                assert entries[0].dropped_bytes + len(output) == len(SAID)
                claimed = [e for e in await lab.events() if e.event == "claimed"]
                assert claimed == []


async def test_a_server_that_came_back_without_the_end_is_told_again(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        while_it_ran = server.remember()
        await go(folder)
        await told(folder)
        await go(folder)
        await lab.ended(task_id)
        server.kill()
        server.roll_back(while_it_ran)
        server.start()
        async with look() as lab:
            [record] = await lab.ended(task_id)

            assert (record.state, record.fence) == ("succeeded", 1)
