"""How to find a started task again, also after the worker was replaced."""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec

from ...broker.errors import RqAgentError
from . import identity, spec

CLAIMS: Final = ("shim.1", "shim.2")
"""Names of the links by which a shim takes its folder: one per try to start it."""


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """One started shim. Plain data: it is stored in the journal."""

    v: Literal[1] = 1
    pid: int
    started_ticks: int
    """Since boot: pid, this and the boot id together mean one process only."""
    boot_id: str
    folder: str
    cgroup: str = ""
    """Folder of the control group that it was to have; empty: none."""
    task_id: str = ""
    fence: int = 0
    nonce: str = ""


def is_alive(handle: Handle) -> bool:
    """Return whether the shim still runs."""
    if handle.boot_id != identity.boot_id():
        return False
    return identity.started_ticks(handle.pid) == handle.started_ticks


def recover(folder: Path) -> Handle | None:
    """Return the handle of the shim that took a folder, or None if none ever did."""
    written = spec.read(folder)
    if written is None:
        return None
    for claim in CLAIMS:
        found = taken_by(folder, claim)
        if found is not None:
            pid, started_ticks, boot_id = found
            return of_spec(written, folder, pid, started_ticks, boot_id)
    return None


def of_spec(s: spec.Spec, folder: Path, pid: int, started_ticks: int, boot_id: str) -> Handle:
    """Return the handle of a process that runs a spec."""
    return Handle(
        pid=pid,
        started_ticks=started_ticks,
        boot_id=boot_id,
        folder=str(folder),
        cgroup=s.cgroup,
        task_id=s.task_id,
        fence=s.fence,
        nonce=s.nonce,
    )


def taken_by(folder: Path, claim: str) -> tuple[int, int, str] | None:
    """Return (pid, started ticks, boot id) of the shim that made a link, or None."""
    try:
        return identity.parse(os.readlink(folder / claim))
    except (OSError, ValueError):  # there is none, or the task put something in its place
        return None


def give_up(folder: Path, claim: str) -> tuple[int, int, str] | None:
    """Make sure that a start never happens; return who runs if it did happen.

    Raises:
        RqAgentError: the folder can't be written.
    """
    try:
        os.symlink("given-up", folder / claim)
    except FileExistsError:
        return taken_by(folder, claim)
    except OSError as e:
        raise RqAgentError(f"can't tell whether {folder} was started: {e.strerror}") from e
    return None
