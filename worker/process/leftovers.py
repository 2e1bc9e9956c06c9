"""Kills the tree of a task from outside: when its shim is dead, or hangs."""

import os
import time

import psutil

from . import cgroup, identity
from .handle import Handle, is_alive

_PATIENCE_S = 2.0
_LOOK_S = 0.1


def kill(handle: Handle) -> int:
    """Kill the shim and everything of its task; return how many processes there were.

    Blocks for about 4 s at most. What left the tree and the session before the shim died is known
    by its control group, else by its variables. Without a group, the launcher kills what cleared
    those too, as it is the next to adopt it; only if that is gone as well, it stays.
    """
    if handle.boot_id != identity.boot_id():
        return 0
    killed: set[tuple[int, float]] = set()
    give_up = time.monotonic() + _PATIENCE_S
    while (found := _members(handle)) and time.monotonic() < give_up:
        if handle.cgroup:
            cgroup.kill(handle.cgroup)
        killed |= _kill(found)
    if handle.cgroup and cgroup.empty(handle.cgroup, patience_s=_PATIENCE_S):
        cgroup.remove(handle.cgroup)
    return len(killed)


def _kill(found: list[psutil.Process]) -> set[tuple[int, float]]:
    """Return who was killed, by pid and start."""
    killed = set()
    for process in found:
        try:
            killed.add((process.pid, process.create_time()))
            process.kill()  # psutil checks that the pid was not used again
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    psutil.wait_procs(found, timeout=_LOOK_S)
    return killed


def _members(handle: Handle) -> list[psutil.Process]:
    tree: dict[int, psutil.Process] = {}
    session: int | None = handle.pid
    if is_alive(handle):
        tree = {process.pid: process for process in _below(handle.pid)}
    elif identity.started_ticks(handle.pid) is not None:
        session = None  # the number was used again, so the session of that number is not ours
    in_group = set(cgroup.members(handle.cgroup)) if handle.cgroup else set()
    for process in psutil.process_iter():
        in_session = session is not None and _session(process.pid) == session
        if process.pid in in_group or in_session or _is_of(process, handle):
            tree.setdefault(process.pid, process)
    return [process for process in tree.values() if not _is_dead(process)]


def _below(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants; none of them when it ends meanwhile."""
    try:
        shim = psutil.Process(pid)
        return [*shim.children(recursive=True), shim]
    except psutil.NoSuchProcess:
        return []


def _is_dead(process: psutil.Process) -> bool:
    """Return whether a process only waits for its parent to collect its end."""
    return identity.started_ticks(process.pid) is None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _is_of(process: psutil.Process, handle: Handle) -> bool:
    """Return whether a process was started with the variables of this attempt."""
    try:
        variables = process.environ()
    except (psutil.Error, OSError):  # gone, a zombie, or somebody else's
        return False
    names = variables.get("RQ_AGENT_TASK_ID"), variables.get("RQ_AGENT_FENCE")
    return names == (handle.task_id, str(handle.fence))
