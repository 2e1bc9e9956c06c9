"""Look at listed paths on the disk; refuse what can't travel, by name."""

import os
import stat
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ..errors import SnapshotError

LINK: Final = "120000"
GITLINK: Final = "160000"
_NAMED: Final = 10


class File(msgspec.Struct, frozen=True):
    """A file that travels; the mode is git's: 100644, 100755 or 120000."""

    path: str
    mode: str
    size_bytes: int


def look(paths: Iterable[str], root: Path) -> list[File]:
    """Return what lies on the disk; a path that is gone was deleted and is left out.

    Submodules and nested repositories come back with the mode of a gitlink.
    """
    is_folder = cache(lambda folder: _is_folder(root, folder))
    files: list[File] = []
    special: list[str] = []
    for path in paths:
        # A file below a link is not in this tree: git holds it for deleted too.
        if not is_folder(os.path.dirname(path.rstrip("/"))):
            continue
        try:
            status = os.lstat(root / path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if (mode := _mode(status, root / path)) is not None:
            files.append(File(path.rstrip("/"), mode, status.st_size))
        elif not stat.S_ISDIR(status.st_mode):
            special.append(path)
    if special:
        raise SnapshotError(
            f"neither files nor links, so they can't travel: {names(special)}; "
            "add them to .rqagentignore"
        )
    return files


def refuse_repositories(files: Sequence[File], root: Path, tracked: bool) -> None:
    """Raise SnapshotError if another repository lies among the files."""
    inner = [file.path for file in files if file.mode == GITLINK]
    if not inner:
        return
    kind = "submodules and nested repositories" if tracked else "repositories inside this folder"
    raise SnapshotError(
        f"{kind} do not travel yet: {names(inner)} in {root}; if the script can do without, "
        "add them to .rqagentignore, else copy what it needs into files of this tree"
    )


def links_outside(files: Iterable[File], root: Path) -> list[str]:
    """Return the links that will lead nowhere on another machine."""
    outside = []
    for file in files:
        if file.mode == LINK:
            leads_to = os.readlink(root / file.path)
            beside = os.path.normpath(os.path.join(os.path.dirname(file.path), leads_to))
            if os.path.isabs(leads_to) or beside.split(os.sep)[0] == os.pardir:
                outside.append(file.path)
    return outside


def names(paths: Sequence[str]) -> str:
    """Return paths for a message: the first ten, and how many more."""
    shown = ", ".join(printable(path) for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def printable(path: str) -> str:
    """Return a path that can be printed although its bytes may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _mode(status: os.stat_result, path: Path) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    if stat.S_ISREG(status.st_mode):
        return "100755" if status.st_mode & stat.S_IXUSR else "100644"
    if stat.S_ISDIR(status.st_mode) and (path / ".git").exists():
        return GITLINK
    return None


def _is_folder(root: Path, folder: str) -> bool:
    """Tell whether a relative folder is one, and no folder above it is a link."""
    if not folder:
        return True
    try:
        real = stat.S_ISDIR(os.lstat(root / folder).st_mode)
    except OSError:
        return False
    return real and _is_folder(root, os.path.dirname(folder))
