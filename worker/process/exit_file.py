"""Writes how a task ended into its run folder, also when the disk is full.

`reserve` takes the room before the task starts; the result overwrites it in place and is renamed.
So the one thing that nobody can recompute needs no free block at the end.
"""

import errno
import json
import os
import time
from collections.abc import Mapping

NAME = "exit.json"
RESERVED = "exit.reserved"
SIZE_BYTES = 4096
"""More than the fields with the longest error text take."""
ERROR_CHARACTERS = 600
"""A character is at most 6 bytes of JSON."""
_PATIENCE_S = 30
_FULL = (errno.ENOSPC, errno.EDQUOT)


def reserve(folder: str) -> None:
    """Take the room for the result in a folder; OSError if the disk is full."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    fd = os.open(os.path.join(folder, RESERVED), flags, 0o600)
    try:
        if os.write(fd, b" " * SIZE_BYTES) != SIZE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)  # on NFS this is where a full disk shows


def write(folder: str, fields: Mapping[str, object]) -> None:
    """Write the result so that a crash leaves all of it or nothing.

    File systems that never overwrite in place may still be full: it tries again for a while.
    """
    content = json.dumps(fields).encode("ascii") + b"\n"
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _write_once(folder, content)
        except OSError as e:
            if e.errno not in _FULL or time.monotonic() > give_up:
                raise
            time.sleep(1)


def _write_once(folder: str, content: bytes) -> None:
    reserved = os.path.join(folder, RESERVED)
    fd = os.open(reserved, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.pwrite(fd, content, 0) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(fd, len(content))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(reserved, os.path.join(folder, NAME))
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
