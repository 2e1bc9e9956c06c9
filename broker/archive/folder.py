"""An archive in a folder: local, or on a shared file system."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import ArchiveUnavailable
from .store import ArchiveMissing, checked

_PARTIAL: Final = ".partial-"
_WORDS: Final = {
    errno.ENOSPC: "its disk is full: free space there",
    errno.EDQUOT: "its disk quota is used up: free space there",
    errno.EFBIG: "a file would be larger than is allowed there",
    errno.EROFS: "its file system is read-only",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EEXIST: "a part of its path is not a folder",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ESTALE: "its network file system went away: is it mounted?",
}


class FolderStore:
    """See store.py. A file appears by a rename after it and its folder were synced."""

    def __init__(self, folder: Path) -> None:
        """`folder` need not exist; it is made by the first write, but what it lies in is not."""
        self._folder = folder
        self.where = str(folder)

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        target = self._folder / checked(path)
        with self._explained():
            self._make()
            _make_folder(target.parent)
            partial = target.parent / f"{_PARTIAL}{secrets.token_hex(8)}"
            try:
                _write(partial, content)
                partial.rename(target)
            except BaseException:
                with suppress(OSError):
                    partial.unlink()
                raise
            _sync_folder(target.parent)

    def read(self, path: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of a file."""
        with self._explained(path), open(self._folder / checked(path), "rb") as file:
            file.seek(start)
            return file.read() if length is None else file.read(length)

    def size(self, path: str) -> int | None:
        """Return the bytes of a file."""
        try:
            with self._explained(path):
                return (self._folder / checked(path)).stat().st_size
        except ArchiveMissing:
            return None

    def list(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files below a folder."""
        try:
            with self._explained(folder):
                entries = sorted(os.scandir(self._folder / checked(folder)), key=lambda e: e.name)
        except ArchiveMissing:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self.list(f"{folder}/{entry.name}")
            elif not entry.name.startswith("."):
                yield f"{folder}/{entry.name}"

    def _make(self) -> None:
        """Make a folder that only this user may enter: arguments of tasks are in it.

        Whoever wants to share an archive makes its folder first, with the rights it should have.
        """
        parent = self._folder.parent
        if self._folder.is_dir():
            return
        if not parent.exists():
            raise ArchiveUnavailable(
                f"archive {self.where}: {parent} does not exist: is it mounted? if it is to be an"
                " ordinary folder, make it first"
            )
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(parent)

    @contextmanager
    def _explained(self, path: str = "") -> Iterator[None]:
        """Say what an error of the file system means to the archive."""
        try:
            yield
        except FileNotFoundError as e:
            if path:
                raise ArchiveMissing(self.where, path) from e
            raise ArchiveUnavailable(f"archive {self.where}: {e}") from e
        except OSError as e:
            words = _WORDS.get(e.errno or 0, e.strerror or str(e))
            raise ArchiveUnavailable(f"archive {self.where}: {words}") from e


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, and let each new one survive a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
