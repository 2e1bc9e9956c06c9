"""How a program ends, and what is then known and left."""

import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from rq_agent.broker.errors import RqAgentError
from rq_agent.worker.process.handle import Handle, is_alive
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.wait import LOST, Exit, wait


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with Launcher() as running:
        yield running


def python(folder: Path, code: str, **env: str) -> Spec:
    return Spec(argv=(sys.executable, "-I", "-S", "-c", code), env=env, cwd=str(folder))


async def run(launcher: Launcher, folder: Path, spec: Spec) -> Exit:
    return await wait(await launcher.start(spec, folder))


async def test_code_and_output_are_kept(launcher: Launcher, tmp_path: Path) -> None:
    code = "import os; print('result'); os.write(2, b'odd \\xff'); raise SystemExit(3)"

    ended = await run(launcher, tmp_path, python(tmp_path, code))

    assert (ended.code, ended.signal, ended.error, ended.leftovers) == (3, None, "", 0)
    assert (tmp_path / "out").read_bytes() == b"result\n"
    assert (tmp_path / "err").read_bytes() == b"odd \xff"
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.started_at < ended.ended_at
    assert ended.max_rss_kib > 1000
    assert ended.cpu_s > 0


async def test_an_end_by_signal_is_told_from_a_code(launcher: Launcher, tmp_path: Path) -> None:
    ended = await run(launcher, tmp_path, python(tmp_path, "import os; os.kill(os.getpid(), 11)"))

    assert (ended.code, ended.signal, ended.stopped_by) == (None, signal.SIGSEGV, None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"argv": ("no-such-program",)}, "can't execute 'no-such-program': No such file"),
        ({"argv": ("/usr",)}, "can't execute '/usr': Permission denied"),
        ({"argv": ("/bin/a\0b",)}, r"can't execute '/bin/a\x00b': embedded null byte"),
        ({"cwd": "/no/such/folder"}, "can't enter the folder '/no/such/folder': No such file"),
        ({"env": {"X": "x" * 10_000_000}}, "arguments and environment together are too long"),
    ],
)
async def test_what_cannot_be_executed_is_an_error_with_its_reason(
    launcher: Launcher, tmp_path: Path, change: dict[str, object], error: str
) -> None:
    fields = {"argv": (sys.executable,), "env": {"PATH": "/usr/bin:/bin"}, "cwd": str(tmp_path)}

    ended = await run(launcher, tmp_path, Spec(**(fields | change)))  # type: ignore[arg-type]

    assert error in ended.error
    assert (ended.code, ended.signal) == (None, None)


async def test_a_daemon_left_behind_is_killed_and_blocks_nobody(
    launcher: Launcher, tmp_path: Path
) -> None:
    code = """
import os, signal
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, b"%d" % os.getpid())
        signal.pause()
    os._exit(0)
os.write(1, os.read(read, 20))
os._exit(5)
"""
    ended = await run(launcher, tmp_path, python(tmp_path, code))

    assert (ended.code, ended.leftovers) == (5, 1)
    assert not psutil.pid_exists(int((tmp_path / "out").read_text()))


_OF_LIBC = 0b11 << 31
"""Signals 32 and 33, which no program can set. `make` hands them on as ignored."""


async def test_the_program_gets_a_plain_process(launcher: Launcher, tmp_path: Path) -> None:
    code = "touch made; env; cat /proc/self/status; readlink /proc/self/fd/0; ls /proc/self/fd"
    spec = Spec(argv=("sh", "-c", code), env={"PATH": "/usr/bin:/bin"}, cwd=str(tmp_path))

    await run(launcher, tmp_path, spec)

    lines = (tmp_path / "out").read_text().splitlines()
    assert {line.split("=")[0] for line in lines if "=" in line} == {"PATH", "PWD"}
    masks = dict(line.split(":\t") for line in lines if line.startswith(("SigIgn:", "SigBlk:")))
    assert int(masks["SigBlk"], 16) == 0
    assert int(masks["SigIgn"], 16) & ~_OF_LIBC == 0
    assert lines[-5:] == ["/dev/null", "0", "1", "2", "3"]  # 3 is where ls reads the folder
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


async def test_nobody_else_can_read_what_a_run_leaves(launcher: Launcher, tmp_path: Path) -> None:
    await run(launcher, tmp_path, python(tmp_path, "print(1)"))

    names = ["spec.json", "exit.json", "out", "err"]
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in names} == {0o600}
    assert not (tmp_path / "shim.log").exists()  # nothing went wrong


async def test_a_held_lock_lasts_as_long_as_the_task_and_is_not_its_own(
    launcher: Launcher, tmp_path: Path
) -> None:
    lock = (tmp_path / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.mkfifo(tmp_path / "ready")
    os.mkfifo(tmp_path / "go")
    code = "import os; print(os.listdir('/proc/self/fd')); open('ready').read(); open('go').read()"
    handle = await launcher.start(python(tmp_path, code), tmp_path, held=[lock.fileno()])
    lock.close()
    (tmp_path / "ready").write_text("")  # returns when the program runs

    with (tmp_path / "lock").open("w") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (tmp_path / "go").write_text("")
        assert (await wait(handle)).code == 0
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert (tmp_path / "out").read_text() == "['0', '1', '2', '3']\n"


async def test_a_killed_shim_takes_its_task_along(launcher: Launcher, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pids")
    code = """
import os, signal
below = os.fork()
if below:
    open("pids", "w").write(f"{os.getpid()} {below}")
signal.pause()
"""
    handle = await launcher.start(python(tmp_path, code), tmp_path)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    os.kill(handle.pid, signal.SIGKILL)
    ended = await wait(handle)

    assert ended == Exit(error=LOST)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_result_is_told_again_and_a_gone_process_is_not_alive(
    launcher: Launcher, tmp_path: Path
) -> None:
    handle = await launcher.start(python(tmp_path, "pass"), tmp_path)

    assert await wait(handle) == await wait(handle)
    assert not is_alive(handle)


def test_a_process_that_got_a_used_pid_is_not_taken_for_the_shim(tmp_path: Path) -> None:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    other = Handle(pid=os.getpid(), started_ticks=1, boot_id=boot_id, folder=str(tmp_path))

    assert not is_alive(other)


async def test_what_is_not_utf8_cannot_be_started(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(RqAgentError, match=r"a variable or argument is not UTF-8"):
        await launcher.start(python(tmp_path, "pass", ODD="\udcff"), tmp_path)


async def test_a_shim_that_breaks_says_why_in_its_log(launcher: Launcher, tmp_path: Path) -> None:
    code = "import os; os.unlink('exit.reserved'); os.mkdir('exit.reserved')"

    ended = await run(launcher, tmp_path, python(tmp_path, code))

    assert ended.error == LOST
    assert "IsADirectoryError" in (tmp_path / "shim.log").read_text()
