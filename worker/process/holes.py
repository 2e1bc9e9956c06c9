"""Gives the beginning of a file back to the disk: its offsets stay, so who appends notices nothing."""

import ctypes
import errno
import os
import stat
from pathlib import Path
from typing import Final

BLOCK: Final = 4096
"""A hole within a block would only be zeroes: it ends where a block does."""
_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2
_UNABLE: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class NoHoles(Exception):
    """This file system, or this system, can't."""


def punch(path: Path, start: int, end: int) -> int:
    """Give the bytes from start to end of a file back to the disk; return the end of the hole.

    A task may have put anything in place of its files: only a plain file of this user with no
    other name is touched, else nothing is.

    Raises:
        NoHoles: it can't be done here.
        OSError: the file is not there, or can't be opened.
    """
    end -= end % BLOCK
    if end <= start:
        return start
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
            _fallocate(fd, start, min(end, found.st_size - found.st_size % BLOCK) - start)
    finally:
        os.close(fd)
    return end


def data_from(fd: int, start: int) -> int:
    """Return where the first byte from start on is that is not in a hole; -1: there is none."""
    if not hasattr(os, "SEEK_DATA"):
        return start
    try:
        return os.lseek(fd, start, os.SEEK_DATA)
    except OSError as e:
        return -1 if e.errno == errno.ENXIO else start


def _fallocate(fd: int, start: int, length: int) -> None:
    if length <= 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # glibc has two of them on machines of 32 bits; musl has one, for large files.
    function = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if function is None:
        raise NoHoles("this system has no fallocate")
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    while function(fd, _PUNCH_HOLE | _KEEP_SIZE, start, length) != 0:
        code = ctypes.get_errno()
        if code in _UNABLE:
            raise NoHoles(f"this file system can't give parts of a file back: {os.strerror(code)}")
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
