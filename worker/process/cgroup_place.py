"""Where the control groups of tasks may be made on this machine."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Final

from . import cgroup

log = logging.getLogger(__name__)

SUBGROUP: Final = "supervisor"
"""The group of a worker whose unit says `DelegateSubgroup=supervisor`. The one above it is then
ours and holds no process, so that the kernel lets its groups have limits."""
_PREFIX: Final = "rq-agent."
_CONTROLLERS: Final = ("memory", "pids")
_LONGEST_NAME: Final = 100


def find() -> str:
    """Return the folder of the control group below which tasks get theirs; empty: they get none.

    It is the group that this process is in, or the one above where a service manager gave us a
    group below one of our own. Nobody else's groups are touched.
    """
    own = _own()
    if own is None:
        return ""
    if own.name == SUBGROUP and _is_ours(own.parent):
        _enable(own.parent)
        return str(own.parent)
    return str(own) if _is_ours(own) else ""


def path_for(base: str, folder: Path) -> str:
    """Return the group of the program that runs in a folder; empty if there can be none."""
    folder = folder.absolute()
    name = folder.name[:_LONGEST_NAME]
    return os.path.join(base, f"{_prefix(folder.parent)}{name}") if base else ""


def sweep(base: str, tasks: Path) -> list[str]:
    """Remove the groups that earlier sessions left, but for those in which something lives.

    Args:
        base: what `find` returned.
        tasks: the folder of the run folders.
    """
    if not base:
        return []
    prefix = _prefix(tasks.absolute())
    left = [entry.path for entry in os.scandir(base) if entry.name.startswith(prefix)]
    return [path for path in left if not cgroup.is_populated(path) and cgroup.remove(path)]


def _prefix(tasks: Path) -> str:
    """Return how the names of one worker's groups begin: others may stand beside them."""
    return f"{_PREFIX}{hashlib.sha256(os.fsencode(tasks)).hexdigest()[:8]}."


def _own() -> Path | None:
    """Return the folder of the v2 group that this process is in, if it can be seen."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        path = next(line[3:] for line in lines if line.startswith("0::"))
        fields = next(m.split() for m in mounts if " - cgroup2 " in m)
        folder = Path(_unescaped(fields[4]), path.lstrip("/"))
        is_there = str(os.getpid()) in (folder / "cgroup.procs").read_text().split()
    except (OSError, StopIteration):
        return None
    return folder if is_there else None  # a container may see only a part of the groups


def _unescaped(text: str) -> str:
    """Return a path of mountinfo, which writes blanks as \\040."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1").decode()


def _is_ours(folder: Path) -> bool:
    """Return whether we may make groups below one and start processes there from here."""
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _enable(folder: Path) -> None:
    """Let the groups below have limits. A controller that is not to be had is done without."""
    for controller in _CONTROLLERS:
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError as e:
            log.info("%s: no %s controller: %s", folder, controller, e.strerror)
