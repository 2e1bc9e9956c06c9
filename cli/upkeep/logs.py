"""Logs of the processes: each writes to its own at the end; the supervisor keeps them short."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 5 * 1024 * 1024
_TAIL_BYTES: Final = 4_000
_READY: Final = re.compile(r": ready(?:,.*)?$", re.MULTILINE)


def turn(log: Path, *, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Move what a log holds to `<log>.1` once that is much. Return whether it was.

    Its writer goes on in the same file: what it writes while we copy may be lost, not more.

    Raises:
        OSError: disk full, no such file.
    """
    if log.stat().st_size <= largest_bytes:
        return False
    older = log.with_name(f"{log.name}.1")
    shutil.copyfile(log, older)
    older.chmod(0o600)
    os.truncate(log, 0)
    return True


def size(log: Path) -> int:
    """Return where the next line will stand."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def since(log: Path, start: int) -> str:
    """Return what a log says from a place on, at most its last few thousand bytes."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(start, end), end - _TAIL_BYTES))
            return file.read(_TAIL_BYTES).decode("utf-8", "replace").rstrip("\0\n ")
    except OSError as e:
        return str(e)


def says_ready(text: str) -> bool:
    """Return whether a process has said so: `worker a: ready`, `worker a: ready, but ...`. Pure."""
    return _READY.search(text) is not None
