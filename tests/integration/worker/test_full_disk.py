"""A worker whose disk is full."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.lookups import Lookups
from tests.looking import look_again

from .lab import Lab

only_root = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount"
)
pytestmark = only_root


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k,mode=700", "none", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_worker_with_a_full_disk_says_so_and_takes_nothing_until_there_is_room(
    lab: Lab,
) -> None:
    with small_disk(lab.home.state, 2048) as disk:
        async with lab.worker():
            first = await lab.submit("print('fits')")
            await lab.ended(first)
            await is_cleaned_up(lab.run_folder(first))
            fill(disk / "filler")
            second = await lab.submit("print('does not yet')")
            await lab.worker_is("w1", "disk-full")
            [worker] = await lab.workers()
            why = await Lookups(lab.namespace).why(second)
            (disk / "filler").unlink()
            third = await lab.submit("print('fits again')")
            records = await lab.ended(first, second, third)

    assert [r.state for r in records] == ["succeeded"] * 3, records[1].reason
    assert (records[1].attempt, records[1].lost) == (1, 0)
    assert worker.facts["reason"] == "disk full, 0 MiB free"
    assert "disk-full" in [reason.code for reason in why.reasons]


async def test_a_task_that_finds_no_room_goes_back_into_its_place_uncharged(lab: Lab) -> None:
    """The disk is full before anybody has looked: its preparation fails."""
    with small_disk(lab.home.state, 2048) as disk:
        fill_but(disk / "filler", 64 * 1024)
        async with lab.worker():
            script = lab.script("print('fits')")
            (script.parent / "large").write_bytes(os.urandom(300 * 1024))
            await git_init(script.parent)
            task_id = await lab.submit(script)
            released = await lab.reached(task_id, "release")
            (disk / "filler").unlink()
            [record] = await lab.ended(task_id)

    assert released.fields["state"] == "queued"
    assert (record.state, record.attempt, record.lost) == ("succeeded", 1, 0), record.reason
    assert record.fence == 2


async def test_a_task_that_is_larger_than_the_disk_is_errored_at_the_second_try(lab: Lab) -> None:
    with small_disk(lab.home.state, 2048):
        async with lab.worker():
            script = lab.script("print('never fits')")
            (script.parent / "large").write_bytes(os.urandom(3 * 1024 * 1024))
            await git_init(script.parent)
            task_id = await lab.submit(script)
            [record] = await lab.ended(task_id)
            [after] = await lab.ended(await lab.submit("print('fits')"))

    assert record.state == "errored"
    assert record.reason.endswith("the disk of w1 is too small")
    assert (record.fence, after.state) == (2, "succeeded")


async def git_init(folder: Path) -> None:
    """Make a snapshot of a folder hold all of its files."""
    await anyio.run_process(["git", "init", "-q", str(folder)])


async def is_cleaned_up(folder: Path) -> None:
    """Wait until what a task ran in is removed; nobody tells of it, so it is looked for."""
    with anyio.fail_after(30):
        while (folder / "tree").exists():
            await look_again()


def fill_but(path: Path, free: int) -> None:
    """Take all of a disk but so many bytes."""
    told = os.statvfs(path.parent)
    path.write_bytes(bytes(told.f_bavail * told.f_frsize - free))


def fill(path: Path) -> None:
    """Take the last free byte of a disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (65536, 4096, 1):
            while write(fd, size):
                pass
    finally:
        os.close(fd)


def write(fd: int, size: int) -> bool:
    try:
        return os.write(fd, bytes(size)) == size
    except OSError:
        return False


async def test_a_task_that_fills_the_disk_fails_and_the_worker_lives_on(lab: Lab) -> None:
    fills = """
        import os, sys
        try:
            while True:
                os.write(1, b"x" * 65535 + b"\\n")
        except OSError as e:
            sys.exit(e.errno)
        """
    with small_disk(lab.home.state, 2048):
        async with lab.worker():
            task_id = await lab.submit(fills)
            [record] = await lab.ended(task_id)
            (lab.run_folder(task_id) / "out").unlink()
            [after] = await lab.ended(await lab.submit("print('fits')"))

    assert (record.state, record.exit_code) == ("failed", errno.ENOSPC)
    assert after.state == "succeeded", after.reason
