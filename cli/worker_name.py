"""Names of workers on this machine."""

from pathlib import Path
from typing import Final

from ..broker.errors import UsageError
from ..broker.home import Home, machine_id
from ..broker.keys import NAME_PATTERN
from . import identity

_MOST: Final = 1_000


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
    for number in range(1, _MOST):
        name = base if number == 1 else f"{base}-{number}"
        if not _is_locked(machine_folder(home) / "workers" / name):
            return name
    raise UsageError(f"{_MOST} workers named {base} are running; give this one a --name")


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
