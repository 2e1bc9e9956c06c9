"""What needs root to try: a disk that is full, folders that are read-only."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import anyio
import msgspec
import pytest

from rq_agent.broker.errors import RqAgentError
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.journal import Attempt, Journal
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import wait

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount"
)

HANDLE = Handle(pid=7, started_ticks=8, boot_id="b", folder="/run/a", task_id="a", fence=1)


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with Launcher() as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as f:
        while os.statvfs(disk).f_bfree:
            f.write(bytes(4096))


WRITES = """
import os, sys
print(os.stat("/proc/self/ns/mnt").st_ino)
try:
    open(sys.argv[1] + "/file", "w")
except OSError as e:
    print(e.strerror)
"""


async def said_by_writer(launcher: Launcher, run: Path, environment: Path) -> list[str]:
    """Return what a task says that tries to write to a folder: its namespace, and the error."""
    await anyio.Path(run).mkdir()
    spec = python(run, WRITES, read_only=(str(environment),))
    what = msgspec.structs.replace(spec, argv=(*spec.argv, str(environment)))
    assert (await wait(await launcher.start(what, run))).code == 0
    return (run / "out").read_text().splitlines()


def python(folder: Path, code: str, *, read_only: tuple[str, ...] = ()) -> Spec:
    argv = (sys.executable, "-I", "-S", "-c", code)
    return Spec(argv=argv, env={}, cwd=str(folder), read_only=read_only)


async def test_a_result_is_kept_when_the_task_filled_the_disk(
    launcher: Launcher, small_disk: Path
) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    code = """
import os
fd = os.open("filler", os.O_WRONLY | os.O_CREAT)
try:
    while True: os.write(fd, bytes(4096))
except OSError:
    os._exit(7)
"""
    ended = await wait(await launcher.start(python(folder, code), folder))

    assert os.statvfs(small_disk).f_bfree == 0
    assert (ended.code, ended.error) == (7, "")


async def test_nothing_is_started_on_a_full_disk(launcher: Launcher, small_disk: Path) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    fill(small_disk)

    with pytest.raises(RqAgentError, match=r"can't prepare .*run: No space left on device"):
        await launcher.start(python(folder, "pass"), folder)


async def test_a_task_can_be_stopped_on_a_full_disk(launcher: Launcher, small_disk: Path) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    handle = await launcher.start(python(folder, "import signal; signal.pause()"), folder)
    fill(small_disk)

    await stop(handle, grace_s=1)

    assert (await wait(handle)).stopped_by == "term"


async def test_a_journal_on_a_full_disk_says_so_and_keeps_what_it_has(small_disk: Path) -> None:
    kept = Attempt(task_id="a", fence=1, nonce="n", folder="/run/a", claim={"x": "y" * 5000})
    with Journal(small_disk, worker="w1") as journal:
        await journal.claimed([kept])
        fill(small_disk)
        more = Attempt(task_id="b", fence=1, nonce="n", folder="/run/b", claim={"x": "y" * 5000})
        with pytest.raises(RqAgentError, match=r"can't write .*journal: No space left"):
            await journal.claimed([more])

        (small_disk / "filler").unlink()
        await journal.claimed([more])

    with Journal(small_disk, worker="w1") as journal:
        assert journal.open_attempts() == [kept, more]


async def test_a_cut_journal_is_opened_on_a_full_disk(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Attempt(task_id="a", fence=1, nonce="n", folder="/run/a", claim={"x": "y" * 5000})
    with Journal(small_disk, worker="w1") as journal:
        await journal.claimed([kept])
    with (small_disk / "journal").open("ab") as f:
        f.write(b'{"event":"en')
    fill(small_disk)

    with Journal(small_disk, worker="w1") as journal:
        assert "the journal is not shortened" in caplog.text
        (small_disk / "filler").unlink()
        await journal.started(HANDLE)

    with Journal(small_disk, worker="w1") as journal:
        assert [a.handle for a in journal.open_attempts()] == [HANDLE]


async def test_read_only_folders_are_so_for_the_task_only(
    launcher: Launcher, small_disk: Path, tmp_path: Path
) -> None:
    make_shared = ["mount", "--make-shared", str(small_disk)]  # as systemd makes all mounts
    await anyio.run_process(make_shared)
    shared, folder = small_disk / "environment", tmp_path / "run"
    shared.mkdir()
    folder.mkdir()
    code = f"""
import os
open("mine", "w").close()
try:
    open({str(shared / "file")!r}, "w")
except OSError as e:
    print(e.strerror)
"""
    spec = python(folder, code, read_only=(str(shared), str(tmp_path / "missing")))

    ended = await wait(await launcher.start(spec, folder))

    assert ended.code == 0
    assert (folder / "out").read_text() == "Read-only file system\n"
    assert (folder / "shim.log").read_text().startswith(f"{tmp_path}/missing stays writable: ")
    (shared / "file").touch()
    assert not os.statvfs(shared).f_flag & os.ST_RDONLY


async def test_tasks_share_one_mount_namespace(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "environment").mkdir()

    # Whatever else mounts something on this machine meanwhile gives the next task a fresh one.
    names = [
        (await said_by_writer(launcher, tmp_path / str(n), tmp_path / "environment"))[0]
        for n in range(6)
    ]

    assert any(one == next_ for one, next_ in pairwise(names))
    assert str(os.stat("/proc/self/ns/mnt").st_ino) not in names


async def test_a_read_only_folder_can_be_removed_and_its_successor_is_read_only_too(
    launcher: Launcher, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    environment.mkdir()
    before = await said_by_writer(launcher, tmp_path / "1", environment)

    trash = environment.rename(tmp_path / "trash")
    (trash / "file").touch()
    shutil.rmtree(trash)
    environment.mkdir()
    after = await said_by_writer(launcher, tmp_path / "2", environment)

    assert (before[1], after[1]) == ("Read-only file system",) * 2


async def test_a_task_sees_what_was_mounted_on_the_machine_since_the_last_one(
    launcher: Launcher, tmp_path: Path
) -> None:
    environment, disk = tmp_path / "environment", tmp_path / "disk"
    environment.mkdir()
    disk.mkdir()
    first = await said_by_writer(launcher, tmp_path / "1", environment)
    await anyio.run_process(["mount", "-t", "tmpfs", "tmpfs", str(disk)])
    try:
        (disk / "run").mkdir()
        second = await said_by_writer(launcher, disk / "run" / "2", environment)
    finally:
        await anyio.run_process(["umount", str(disk)])

    assert (first[1], second[1]) == ("Read-only file system",) * 2


async def test_what_a_task_mounts_is_not_seen_by_the_next_one(
    launcher: Launcher, tmp_path: Path
) -> None:
    environment, folder = tmp_path / "environment", tmp_path / "run"
    environment.mkdir()
    folder.mkdir()
    code = "import os; os.execvp('mount', ['mount', '-t', 'tmpfs', 'tmpfs', os.getcwd()])"
    spec = python(folder, code, read_only=(str(environment),))
    spec = msgspec.structs.replace(spec, env={"PATH": os.environ["PATH"]})
    first = await wait(await launcher.start(spec, folder))

    run = tmp_path / "2"
    run.mkdir()
    look = f"import os; raise SystemExit(os.path.ismount({str(folder)!r}))"
    second = await wait(await launcher.start(python(run, look, read_only=spec.read_only), run))

    assert (first.code, second.code) == (0, 0)
