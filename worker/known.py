"""What a worker keeps of a claim, so that the record of its task can be made anew.

It lies in the run folder, for this user only, since the envelope may hold a person's secrets, and
goes with the end of the task.
"""

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from ..broker.claims import Claim
from ..broker.definition import Definition
from ..broker.needs import Need

_NAME: Final = "claim"
_MOST_BYTES: Final = 4 * 1024 * 1024
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_OLD: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it was verified."""

    namespace: str
    servers: tuple[str, str]
    """Run id of the server that gave the claim, and birth of its namespace."""
    claim: Claim
    need: Need
    definition: Definition
    params: dict[str, str] = {}


def write(folder: Path, known: Known) -> None:
    """Keep it in a run folder that has none yet.

    Raises:
        OSError: the disk is full.
    """
    with open(os.open(folder / _NAME, _NEW, 0o600), "wb") as file:
        file.write(msgspec.msgpack.encode(known))


def rewrite(folder: Path, known: Known) -> None:
    """Replace what is kept; nothing where it is forgotten already.

    Raises:
        OSError: the disk is full.
    """
    try:
        (folder / _NAME).unlink()
    except FileNotFoundError:
        return
    write(folder, known)


def read(folder: Path, namespace: str) -> Known | None:
    """Return what is kept; None where there is none, or something else in its place.

    A claim of another namespace is nothing to this one: it knows nothing of the task, and rightly.
    """
    found = _read(folder)
    return found if found is not None and found.namespace == namespace else None


def _read(folder: Path) -> Known | None:
    try:
        with open(os.open(folder / _NAME, _OLD), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return msgspec.msgpack.decode(file.read(_MOST_BYTES), type=Known)
    except (OSError, ValueError):  # of another version, or cut
        return None
