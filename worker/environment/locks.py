"""Locks on files, between all processes of a machine. They end with the last process that has them.

Two per environment: who builds holds `<key>.build` alone; who uses holds `<key>.use` together
with others, and who removes takes that one alone, or goes away. A lock file is never deleted:
whoever waits for it must wait for the same file.
"""

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from .uv import Report

_FIRST_WAIT_S: Final = 0.005
_LONGEST_WAIT_S: Final = 0.25
_TELL_AFTER_S: Final = 0.5


def try_lock(path: Path, *, exclusive: bool) -> int | None:
    """Return a file descriptor that holds the lock, or None if others are in the way.

    Closing it gives the lock back, unless another process inherited it: then it lives on there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd


@asynccontextmanager
async def locked(
    path: Path, *, exclusive: bool, report: Report, waiting_for: str
) -> AsyncIterator[int]:
    """Hold a lock. Waiting for it can be cancelled, and is reported when it takes long.

    flock can't be waited for without a thread that nothing can interrupt, so this asks again
    in growing intervals.
    """
    wait_s, waited_s, told = _FIRST_WAIT_S, 0.0, False
    while (fd := try_lock(path, exclusive=exclusive)) is None:
        if waited_s >= _TELL_AFTER_S and not told:
            report(waiting_for)
            told = True
        await anyio.sleep(wait_s)
        waited_s += wait_s
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
    try:
        yield fd
    finally:
        os.close(fd)
