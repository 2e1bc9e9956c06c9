"""The files of `up`. They lie below the machine's id: a home may be shared by machines."""

import time
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from ...broker import private_files
from ...broker.embedded.layout import make_private
from ...broker.embedded.lock import is_held
from ...broker.errors import RqAgentError
from ...broker.home import Home
from .. import worker_name
from . import processes
from .processes import Process
from .wanted import Wanted

Condition = Literal["starting", "running", "waiting", "failing", "stopping", "stopped"]
"""waiting: to be started again; failing: it ended soon after each of its last starts;
stopped: it left because a person told it to, and stays away until the next `up`."""

_Content = TypeVar("_Content", bound=msgspec.Struct)
_STARTED_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.05


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with one of the processes."""

    name: str
    state: Condition
    arguments: tuple[str, ...]
    process: Process | None = None
    starts: int = 0
    since_s: float = 0.0
    """Unix seconds of the last change of `state`."""
    problem: str = ""
    """How it ended the last time; empty if it never did."""
    log: str = ""
    log_begin: int = 0
    """Bytes in its log before its last start."""


class UpState(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with everything, as the supervisor wrote it last."""

    schema: Literal[1] = 1
    process: Process
    """The supervisor."""
    version: str
    foreground: bool = False
    is_ending: bool = False
    wanted: Wanted
    parts: tuple[PartState, ...] = ()
    server_starts: int = 0
    server_problem: str = ""


class Place(msgspec.Struct, frozen=True):
    """Names of the files of `up`."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by a command that starts, changes or ends it."""
        return self.folder / "lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor as long as it lives. Who looks holds `lock`."""
        return self.folder / "supervisor.lock"

    @property
    def wanted(self) -> Path:
        """A Wanted, as JSON: written by commands, read by the supervisor."""
        return self.folder / "wanted.json"

    @property
    def state(self) -> Path:
        """An UpState, as JSON: written by the supervisor, read by commands."""
        return self.folder / "up.json"

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.folder / f"{name}.log"


def of(home: Home) -> Place:
    """Return the place of this machine."""
    return Place(worker_name.machine_folder(home) / "up")


def make(place: Place) -> None:
    """Create the folder, for this user only."""
    make_private(place.folder, may_be_link=True)


def read_wanted(place: Place) -> Wanted | None:
    """Return what was asked for last; None if nothing was, or it can't be understood."""
    return _read(place.wanted, Wanted)


def read_state(place: Place) -> UpState | None:
    """Return the state as it was written last, also by a supervisor that is gone."""
    return _read(place.state, UpState)


def supervised(place: Place) -> UpState | None:
    """Return the state of the supervisor that lives; None if none does. Call it under the lock.

    Raises:
        RqAgentError: one lives, but does not say how it stands.
    """
    give_up = time.monotonic() + _STARTED_S
    while is_held(place.supervisor_lock):
        if (state := read_state(place)) is not None and processes.is_alive(state.process):
            return state
        if time.monotonic() > give_up:
            raise RqAgentError(
                f"`up` runs, but does not write {place.state}: see {place.log('up')}"
            )
        time.sleep(_LOOK_EVERY_S)
    return None


def write(path: Path, content: Wanted | UpState) -> None:
    """Replace one of the files as a whole; only its owner may read it."""
    private_files.write(path, msgspec.json.encode(content))


def _read(path: Path, kind: type[_Content]) -> _Content | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
