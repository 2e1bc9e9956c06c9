"""A program is killed when it uses more memory than it may, or when its lease runs out."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import psutil
import pytest

from rq_agent.worker.process import boot_clock, cgroup_place, deadline
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import Exit, wait

WAYS = ["", cgroup_place.find()] if cgroup_place.find() else [""]

THREE_OF_THIRTY_MIB = """
import os, signal
for _ in range(2):
    if os.fork() == 0:
        break
mine = b"x" * (30 << 20)
signal.pause()
"""
FOUR_SHARE_SIXTY_MIB = """
import os, signal, time
shared = b"x" * (60 << 20)
pids = [os.fork() for _ in range(2)]
if 0 not in pids:
    open("ready", "w").close()
    for pid in pids:
        os.waitpid(pid, 0)
else:
    time.sleep(0.7)
"""


@pytest.fixture(params=WAYS, ids=lambda base: "group" if base else "subreaper")
async def launcher(request: pytest.FixtureRequest) -> AsyncIterator[Launcher]:
    async with Launcher(groups=request.param) as running:
        yield running


def python(folder: Path, code: str, **limits: float) -> Spec:
    argv = (sys.executable, "-I", "-S", "-c", code)
    return msgspec.convert({"argv": argv, "env": {}, "cwd": str(folder), **limits}, Spec)


async def run(launcher: Launcher, folder: Path, spec: Spec) -> Exit:
    handle = await launcher.start(spec, folder)
    with anyio.fail_after(30):
        return await wait(handle)


async def test_all_processes_together_may_use_so_much(launcher: Launcher, tmp_path: Path) -> None:
    spec = python(tmp_path, THREE_OF_THIRTY_MIB, mem_limit_mib=64)

    ended = await run(launcher, tmp_path, spec)

    assert (ended.oom, ended.mem_limit_mib, ended.machine_oom) == (True, 64, False)
    assert (ended.code, ended.signal, ended.stopped_by) == (None, signal.SIGKILL, None)


async def test_what_processes_share_counts_once(launcher: Launcher, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    spec = python(tmp_path, FOUR_SHARE_SIXTY_MIB, mem_limit_mib=130)
    handle = await launcher.start(spec, tmp_path)
    await anyio.to_thread.run_sync((tmp_path / "ready").read_text)
    program = psutil.Process(psutil.Process(handle.pid).children()[0].pid)
    both = [program, *program.children()]
    resident_mib = sum(process.memory_info().rss for process in both) / 2**20

    ended = await wait(handle)

    assert resident_mib > 130
    assert (ended.code, ended.oom) == (0, False)


@pytest.mark.parametrize(
    ("end", "code", "number"),
    [
        ("os.kill(os.getpid(), 9)", None, 9),
        ("os.kill(os.getpid(), 11)", None, 11),
        ("os._exit(137)", 137, None),
    ],
)
async def test_a_crash_is_no_want_of_memory(
    tmp_path: Path, end: str, code: int | None, number: int | None
) -> None:
    async with Launcher() as launcher:
        spec = python(tmp_path, f"import os; {end}", mem_limit_mib=500)
        ended = await run(launcher, tmp_path, spec)

    assert (ended.code, ended.signal, ended.oom) == (code, number, False)


async def test_a_cancel_stays_a_cancel_when_memory_runs_out_in_its_grace(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    code = """
import signal
signal.signal(signal.SIGTERM, lambda *_: [b"x" * (90 << 20), signal.pause()])
open("ready", "w").close()
signal.pause()
"""
    async with Launcher(groups="") as launcher:
        handle = await launcher.start(python(tmp_path, code, mem_limit_mib=64), tmp_path)
        await anyio.to_thread.run_sync((tmp_path / "ready").read_text)
        with anyio.fail_after(30):
            await stop(handle, grace_s=60)
        ended = await wait(handle)

    assert (ended.oom, ended.stopped_by, ended.signal) == (True, "term", signal.SIGKILL)


async def test_it_is_killed_at_its_deadline_as_that_was_moved(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    async with Launcher() as launcher:
        spec = python(tmp_path, code, deadline_s=boot_clock.now_s() + 1.0)
        handle = await launcher.start(spec, tmp_path)
        moved_s = boot_clock.now_s() + 1.3
        deadline.write(str(tmp_path), moved_s)

        with anyio.fail_after(30):
            ended = await wait(handle)

    assert (ended.stopped_by, ended.signal) == ("deadline", signal.SIGKILL)
    assert boot_clock.now_s() >= moved_s


async def test_nothing_is_started_after_its_deadline(launcher: Launcher, tmp_path: Path) -> None:
    spec = python(tmp_path, "pass", deadline_s=boot_clock.now_s() - 1)

    ended = await run(launcher, tmp_path, spec)

    assert (ended.stopped_by, ended.code, ended.signal, ended.error) == ("deadline", None, None, "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"1e300\n1", b"  200.000000\n  100.000000\n"]
)
def test_the_half_of_a_renewal_renews_nothing(tmp_path: Path, content: bytes) -> None:
    deadline.write(str(tmp_path), 100.0)
    assert deadline.read(str(tmp_path)) == 100.0

    (tmp_path / deadline.NAME).write_bytes(content)

    assert deadline.read(str(tmp_path)) is None
    assert deadline.read(str(tmp_path / "none")) is None


def test_a_full_disk_keeps_no_renewal_from_the_shim(tmp_path: Path) -> None:
    deadline.write(str(tmp_path), 100.0)
    file = tmp_path / deadline.NAME
    before = file.stat()

    deadline.write(str(tmp_path), 10_000_000.5)

    after = file.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
