"""Names of workers on this machine."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ..broker.errors import UsageError
from ..broker.home import Home, machine_id
from ..broker.keys import NAME_PATTERN
from . import identity


def default() -> str:
    """Return the name of a worker that nobody named: the machine's."""
    return identity.host_name()


def machine_folder(home: Home) -> Path:
    """Return where workers of this machine keep their state."""
    return home.state / machine_id()


def free(home: Home, base: str) -> str:
    """Return `base`, or `base-2` and so on where a live session on this machine has that name.

    Workers that are gone don't count: the name of a killed one finds its journal again.
    """
    return next(name for name in _names(base) if not _is_locked(_folder(home, name)))


def reserve(home: Home, base: str) -> str:
    """Return a free name that no other process gets as long as this one lives."""
    from ..broker.embedded.lock import try_lock

    for name in _names(base):
        folder = _folder(home, name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (held := try_lock(folder / "name.lock")) is None:
            continue
        if not _is_locked(folder):
            return name
        os.close(held)
    raise AssertionError("names never end")


def _names(base: str) -> Iterator[str]:
    yield base
    for number in count(2):
        yield f"{base}-{number}"


def _folder(home: Home, name: str) -> Path:
    return machine_folder(home) / "workers" / name


def checked(name: str) -> str:
    """Return a name that a person gave.

    Raises:
        UsageError: it is no name.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"--name {name!r}: use 1 to 63 letters, digits, dots, dashes, underscores, "
            "with no dot or dash in front"
        )
    return name


def _is_locked(folder: Path) -> bool:
    from ..broker.embedded.lock import is_held

    return is_held(folder / "journal.lock")
