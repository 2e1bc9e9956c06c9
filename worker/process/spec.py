"""What the shim starts."""

import os
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ...broker.errors import RqAgentError
from . import deadline, exit_file, foreign_file, shim

_MOST_BYTES: Final = 64 * 1024 * 1024


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """One program to run. The environment may hold secrets, so nobody else may read the file."""

    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    env: dict[str, str]
    """The whole environment: nothing is inherited."""
    cwd: str
    grace_s: float = 30
    """Between SIGTERM and SIGKILL when the machine, not the worker, stops the task."""
    read_only: tuple[str, ...] = ()
    """Folders that the task can't write to, where the worker runs as root."""
    umask: int = 0o022
    mem_limit_mib: float = 0
    """Of all its processes together; 0: none."""
    deadline_s: float = 0
    """When it is killed unless its lease is renewed (boot_clock), see deadline.py; 0: never."""
    cgroup: str = ""
    """A folder to be made below one of ours, see cgroup.py; empty: none can be."""
    task_id: str = ""
    fence: int = 0
    nonce: str = ""


def write(spec: Spec, folder: Path) -> Path:
    """Write spec.json and take the room for the result; return the folder made absolute.

    Raises:
        RqAgentError: the folder is missing, was used before, or the disk is full.
    """
    folder = folder.absolute()
    if not spec.argv:
        raise RqAgentError(f"task folder {folder}: no program to start")
    try:
        content = msgspec.json.encode(spec)
        exit_file.reserve(str(folder))
        if spec.deadline_s:
            deadline.write(str(folder), spec.deadline_s)
        fd = os.open(folder / shim.SPEC_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(content)
    except UnicodeEncodeError as e:
        raise RqAgentError(f"task folder {folder}: a variable or argument is not UTF-8") from e
    except FileExistsError as e:
        raise RqAgentError(f"task folder {folder} was used before; use a new one") from e
    except OSError as e:
        raise RqAgentError(f"can't prepare task folder {folder}: {e.strerror}") from e
    return folder


def read(folder: Path) -> Spec | None:
    """Return what was to be started in a folder, or None if nothing complete was written."""
    try:
        written = foreign_file.read(folder / shim.SPEC_NAME, _MOST_BYTES)
        return msgspec.json.decode(written, type=Spec)
    except (OSError, msgspec.MsgspecError):  # the task may have put anything in its place
        return None
