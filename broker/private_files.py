"""Files that only their owner can read, and that never stand there half written."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class OpenToOthersError(OSError):
    """Others than its owner may read or write a file that holds a secret."""


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, on the disk before it returns."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def read(path: Path) -> bytes:
    """Return the content of a file that only its owner can read.

    Raises:
        OpenToOthersError: others may read it, or it is another user's.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if os.name == "posix" and found.st_mode & _OPEN_TO_OTHERS:
            mode = stat.S_IMODE(found.st_mode)
            raise OpenToOthersError(f"mode {mode:04o} lets others use it; run: chmod 600 {path}")
        if os.name == "posix" and found.st_uid != os.geteuid():
            raise OpenToOthersError(f"it belongs to the user with id {found.st_uid}")
        return file.read()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
