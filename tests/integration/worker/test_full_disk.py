"""A worker whose disk is full."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from .lab import Lab

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount"
)


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k,mode=700", "none", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_is_named_and_the_worker_lives_on(lab: Lab) -> None:
    with small_disk(lab.home.state, 2048) as disk:
        async with lab.worker():
            first = await lab.submit("print('fits')")
            await lab.ended(first)
            await is_cleaned_up(lab.run_folder(first))
            fill(disk / "filler")
            second = await lab.submit("print('does not')")
            await lab.ended(second)
            (disk / "filler").unlink()
            third = await lab.submit("print('fits again')")
            records = await lab.ended(first, second, third)

    assert [r.state for r in records] == ["succeeded", "errored", "succeeded"], records[1].reason
    assert "No space left on device" in records[1].reason
    assert str(lab.home.state) in records[1].reason


async def is_cleaned_up(folder: Path) -> None:
    """Wait until what a task ran in is removed; nobody tells of it, so it is looked for."""
    with anyio.fail_after(30):
        while (folder / "tree").exists():
            await anyio.lowlevel.checkpoint()


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
