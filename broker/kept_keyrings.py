"""The keyrings that this machine saw last, one file for each keeper and namespace.

They survive a restart, and a Redis that came back with an older one. They are verified again
whenever they are loaded, so it takes the keeper's key to put another one there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from . import private_files
from .errors import TrustError
from .keypair import make_private_folder
from .keyring import MAX_BYTES, Keyring, open_sealed

Stamp = tuple[int, int, int] | None
"""Modification time (ns), size and inode of a file; None while there is no file."""

_NOTHING: Final[tuple[Stamp, Keyring | None]] = (None, None)


class KeptKeyrings:
    """The files of one folder; follows their changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[Path, tuple[Stamp, Keyring | None]] = {}

    def path(self, keeper: str, namespace: str) -> Path:
        """Return where the keyring of a keeper is kept."""
        return self._folder / f"keyring.{keeper}.{namespace}.json"

    def find(self, keeper: str, public: bytes, namespace: str) -> Keyring | None:
        """Return the keyring that is kept; None without one, and for a file that is damaged.

        Raises:
            OSError: it can't be read.
        """
        path = self.path(keeper, namespace)
        now = stamp(path)
        known, keyring = self._loaded.get(path, _NOTHING)
        if known != now:
            content = self.content(keeper, namespace)
            keyring = _opened(content, keeper, public, namespace)
            self._loaded[path] = now, keyring
        return keyring

    def content(self, keeper: str, namespace: str) -> bytes:
        """Return the file as it is; empty without one.

        Raises:
            OSError: it can't be read.
        """
        try:
            with self.path(keeper, namespace).open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return b""

    def keep(self, keeper: str, namespace: str, content: bytes) -> None:
        """Replace the file by a keyring that was verified.

        Raises:
            OSError: it can't be written.
        """
        make_private_folder(self._folder)
        private_files.write(self.path(keeper, namespace), content)

    @contextmanager
    def locked(self, keeper: str, namespace: str) -> Iterator[None]:
        """Hold the lock that whoever writes the file takes; blocks for as long as another does.

        Raises:
            OSError: it can't be had.
        """
        import fcntl

        make_private_folder(self._folder)
        path = self.path(keeper, namespace)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is replaced or written."""
    try:
        return stamp_of(path.stat())
    except FileNotFoundError:
        return None


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a file that was looked at."""
    return found.st_mtime_ns, found.st_size, found.st_ino


def _opened(content: bytes, keeper: str, public: bytes, namespace: str) -> Keyring | None:
    try:
        return open_sealed(content, keeper=keeper, public=public, namespace=namespace)
    except TrustError:  # none yet, or damaged: the next look at Redis replaces it
        return None
