"""File locks between processes. The kernel drops them when their holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import BrokerUnavailable

_RETRY_S: Final = 0.02


@contextmanager
def locked(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold a lock. The file stays: deleting it would let two processes lock two files.

    Raises:
        BrokerUnavailable: somebody else held it for all of timeout_s.
    """
    give_up = time.monotonic() + timeout_s
    while (held := try_lock(path)) is None:
        if time.monotonic() > give_up:
            raise BrokerUnavailable(
                f"another process has held {path} for {timeout_s:.0f} s: it starts or stops the "
                "embedded server; see `fuser` on that file"
            )
        time.sleep(_RETRY_S)
    try:
        yield
    finally:
        fcntl.flock(held, fcntl.LOCK_UN)  # also if a fork of ours still has the descriptor
        os.close(held)


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock until it is closed, or None if it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock. Takes it for a moment to find out."""
    if not path.exists():
        return False
    if (held := try_lock(path)) is None:
        return True
    os.close(held)
    return False
