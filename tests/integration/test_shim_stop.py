"""How a task is stopped."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import psutil
import pytest

from rq_agent.worker.process import identity
from rq_agent.worker.process import stop as stopping
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import LOST, wait

POLITE = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
open("ready", "w").close()
signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("ready", "w").close()
while True: signal.pause()
"""
FROZEN = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
open("ready", "w").close()
os.kill(os.getpid(), signal.SIGSTOP)
signal.pause()
"""
FAMILY = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("ready", "w").write(str(os.getpid()))
    else:
        os._exit(0)
signal.pause()
"""


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with Launcher() as running:
        yield running


async def started(launcher: Launcher, folder: Path, code: str) -> tuple[Handle, str]:
    """Start a program; return its handle and what it said when it was ready."""
    os.mkfifo(folder / "ready")
    argv = (sys.executable, "-I", "-S", "-c", code)
    handle = await launcher.start(Spec(argv=argv, env={}, cwd=str(folder)), folder)
    said = await anyio.to_thread.run_sync((folder / "ready").read_text)
    return handle, said


@pytest.mark.parametrize("code", [POLITE, FROZEN])
async def test_a_task_may_end_itself_within_its_grace(
    launcher: Launcher, tmp_path: Path, code: str
) -> None:
    handle, _ = await started(launcher, tmp_path, code)

    with anyio.fail_after(10):
        await stop(handle, grace_s=60)
        ended = await wait(handle)

    assert (ended.code, ended.signal, ended.stopped_by) == (9, None, "term")


async def test_a_task_that_ignores_sigterm_is_killed_after_its_grace(
    launcher: Launcher, tmp_path: Path
) -> None:
    handle, _ = await started(launcher, tmp_path, STUBBORN)
    before = time.monotonic()

    await stop(handle, grace_s=0.3)

    assert 0.3 <= time.monotonic() - before < 3
    ended = await wait(handle)
    assert (ended.code, ended.signal, ended.stopped_by) == (None, signal.SIGKILL, "kill")


async def test_no_grace_kills_the_whole_tree_at_once(launcher: Launcher, tmp_path: Path) -> None:
    handle, daemon = await started(launcher, tmp_path, FAMILY)

    with anyio.fail_after(5):
        await stop(handle, grace_s=0)

    assert (await wait(handle)).stopped_by == "kill"
    assert not psutil.pid_exists(int(daemon))


async def test_a_second_stop_shortens_the_grace_and_a_third_finds_nothing(
    launcher: Launcher, tmp_path: Path
) -> None:
    handle, _ = await started(launcher, tmp_path, STUBBORN)
    (tmp_path / "stop.jsonl").write_bytes(b'{"gra\n')  # cut when the disk was full

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tg:
            tg.start_soon(lambda: stop(handle, grace_s=600))
            tg.start_soon(lambda: stop(handle, grace_s=0.2))
        await stop(handle, grace_s=600)

    assert (await wait(handle)).stopped_by == "kill"


async def test_a_stop_that_finds_another_process_of_that_pid_leaves_it_alone(
    launcher: Launcher, tmp_path: Path
) -> None:
    handle, _ = await started(launcher, tmp_path, POLITE)
    victim = psutil.Process(handle.pid).children()[0]
    stale = Handle(
        pid=victim.pid, started_ticks=1, boot_id=identity.boot_id(), folder=str(tmp_path / "old")
    )

    await stop(stale, grace_s=0)

    assert victim.is_running()
    await stop(handle, grace_s=30)
    assert (await wait(handle)).stopped_by == "term"


async def test_a_shim_that_hangs_is_killed_with_its_tree(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "SHIM_PATIENCE_S", 0.2)
    handle, daemon = await started(launcher, tmp_path, FAMILY)
    os.kill(handle.pid, signal.SIGSTOP)

    with anyio.fail_after(10):
        await stop(handle, grace_s=0.1)

    assert not psutil.pid_exists(int(daemon))
    assert await wait(handle) is not None
    assert (await wait(handle)).error == LOST


async def test_a_stop_without_room_for_its_grace_uses_the_one_of_the_spec(
    launcher: Launcher, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "ready")
    argv = (sys.executable, "-I", "-S", "-c", STUBBORN)
    spec = Spec(argv=argv, env={}, cwd=str(tmp_path), grace_s=0.2)
    handle = await launcher.start(spec, tmp_path)
    await anyio.to_thread.run_sync((tmp_path / "ready").read_text)
    (tmp_path / "stop.jsonl").mkdir()  # what a full disk does: the file can't be written

    with anyio.fail_after(5):
        await stop(handle, grace_s=60)

    assert (await wait(handle)).stopped_by == "kill"


async def test_a_sigterm_that_comes_first_is_not_lost(launcher: Launcher, tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        argv = (sys.executable, "-I", "-S", "-c", "import signal; signal.pause()")
        handle = await launcher.start(Spec(argv=argv, env={}, cwd=str(folder)), folder)
        with anyio.fail_after(10):
            await stop(handle, grace_s=30)
        ended = await wait(handle)
        assert (ended.error, ended.signal, ended.stopped_by) == ("", signal.SIGTERM, "term")
