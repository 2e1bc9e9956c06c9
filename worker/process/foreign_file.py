"""Reads a file where users' code may have put anything: a pipe, a link, a disk full of text."""

import os
from pathlib import Path
from stat import S_ISREG
from typing import Final

READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""An open that waits for nobody and follows no link."""


def read(path: Path, most_bytes: int, *, from_end: bool = False) -> bytes:
    """Return the beginning of a file, or its end; never waits.

    Raises:
        OSError: it is not there, or is no file.
    """
    fd = os.open(path, READ_FLAGS)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not S_ISREG(found.st_mode):
            raise OSError(f"{path} is no file")
        if from_end:
            file.seek(max(0, found.st_size - most_bytes))
        return file.read(most_bytes)
