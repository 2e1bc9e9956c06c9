"""Where an archive lies: the one protocol that a folder and object stores follow."""

import re
from collections.abc import Iterator
from typing import Final, Protocol

from ..errors import ArchiveError

_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*")


class ArchiveMissing(ArchiveError):
    """The store has no file of this path."""

    def __init__(self, where: str, path: str) -> None:
        super().__init__(f"archive {where}: there is no {path}")


class ArchiveStore(Protocol):
    """Keeps files that are written once and never changed.

    A path is `folder/name`, of letters, digits, dots, dashes and underscores. All methods block:
    call them in a thread. They raise ArchiveUnavailable where the place can't be used just now.
    tests/contract/test_store.py is the meaning of this protocol.
    """

    where: str
    """The place in words, without secrets."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all, and safe from a power cut when this returns.

        The same file may be there already, or be written by somebody else just now.
        """

    def read(self, path: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return the bytes of a file from `start` on; fewer than `length` where it ends before.

        Raises:
            ArchiveMissing: there is no such file.
        """

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, None where there is none."""

    def list(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files below a folder, in no order; none where it is not there."""


def checked(path: str) -> str:
    """Return a path that can't lead out of the store.

    Raises:
        ValueError: it is not of the form above.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path of an archive")
    return path
