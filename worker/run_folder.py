"""The folder of one attempt: made, and what it holds besides its output."""

import shutil
from pathlib import Path, PurePosixPath
from typing import Final

from ..broker.errors import SnapshotError

_LARGE: Final = ("tree", "venv", "environment")


def remove_what_is_large(folder: Path) -> None:
    """Remove what was only needed to run: code, environment."""
    for name in _LARGE:
        shutil.rmtree(folder / name, ignore_errors=True)


def make_private(folder: Path) -> None:
    """Make an empty folder that only this user can read."""
    if folder.exists():  # a Redis that rolled back hands out the same fence again
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)


def within(tree: Path, relative: str) -> Path:
    """Return a path of the snapshot.

    Raises:
        SnapshotError: it would leave the snapshot.
    """
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise SnapshotError(f"{relative}: lies outside the snapshot")
    return tree / path
