"""Read one file of a snapshot, whole and unchanging, or say why not."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import SnapshotError
from .files import LINK, File, printable

_CHUNK_BYTES: Final = 1024 * 1024
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")
)


def read(root: Path, file: File) -> tuple[int, Iterator[bytes]]:
    """Return the size of a file or link, and its bytes in chunks.

    Raises:
        SnapshotError: it can't be read, is gone, or changes while it is read.
    """
    try:
        if file.mode == LINK:
            leads_to = os.readlink(os.fsencode(root / file.path))
            return len(leads_to), iter([leads_to])
        # Not through a link, and not waiting for the writer of a pipe that took its place.
        opened = os.open(root / file.path, _FLAGS)
    except FileNotFoundError:
        raise _changed(file, "vanished") from None
    except PermissionError:
        raise SnapshotError(
            f"can't read {printable(file.path)}: permission denied; "
            "change its mode or add it to .rqagentignore"
        ) from None
    except OSError as e:
        raise _changed(file, f"changed ({e.strerror})") from e
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        os.close(opened)
        raise _changed(file, "changed")
    return status.st_size, _chunks(opened, status.st_size, file)


def _chunks(opened: int, size_bytes: int, file: File) -> Iterator[bytes]:
    with os.fdopen(opened, "rb") as stream:
        left = size_bytes
        while left:
            chunk = stream.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise _changed(file, "shrank")
            left -= len(chunk)
            yield chunk


def _changed(file: File, what: str) -> SnapshotError:
    return SnapshotError(
        f"{printable(file.path)} {what} while the snapshot was made; try again, "
        "or keep it out with .rqagentignore"
    )
