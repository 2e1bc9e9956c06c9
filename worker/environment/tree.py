"""Whole folders: made read-only, removed."""

import os
import shutil
from pathlib import Path
from typing import Final

_WRITE: Final = 0o222


def seal(folder: Path) -> int:
    """Take the right to write from everything below a folder; return its size in bytes.

    The folder itself stays writable: there is a marker to be put into it. A file that is there
    under two names counts once.
    """
    size_bytes, seen = 0, set[int]()
    for parent, folders, files in os.walk(folder):
        for name in files:
            path = os.path.join(parent, name)
            status = os.lstat(path)
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                size_bytes += status.st_size
            if not os.path.islink(path):
                _drop_write(path, status.st_mode)
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                _drop_write(path, os.lstat(path).st_mode)
    return size_bytes


def unshared_bytes(folder: Path) -> int:
    """Return the size of the files below a folder that have no other name, in bytes."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            status = os.lstat(os.path.join(parent, name))
            total += status.st_size if status.st_nlink == 1 else 0
    return total


def _drop_write(path: str, mode: int) -> None:
    if mode & _WRITE:
        os.chmod(path, mode & ~_WRITE & 0o7777)


def unseal(folder: Path) -> None:
    """Give the owner the right to write to everything below a folder."""
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in files:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, os.lstat(path).st_mode & 0o7777 | 0o200)


def remove(folder: Path) -> None:
    """Remove a folder, sealed or not. Nothing happens if it is gone."""
    if not folder.exists():
        return
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o700)
    shutil.rmtree(folder)
