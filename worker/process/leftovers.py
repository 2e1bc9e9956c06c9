"""Kills the tree of a task from outside: when its shim is dead, or hangs."""

import os

import psutil

from . import identity
from .handle import Handle, is_alive

_PATIENCE_S = 2.0


def kill(handle: Handle) -> int:
    """Kill the shim and everything of its task; return how many processes there were.

    Blocks for up to 2 s. What left the tree and the session before the shim died is known by its
    variables; if it cleared those too, it stays.
    """
    found = _members(handle)
    for process in found:
        try:
            process.kill()  # psutil checks that the pid was not used again
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    psutil.wait_procs(found, timeout=_PATIENCE_S)
    return len(found)


def _members(handle: Handle) -> list[psutil.Process]:
    tree: dict[int, psutil.Process] = {}
    if handle.boot_id != identity.boot_id():
        return []
    session: int | None = handle.pid
    if is_alive(handle):
        shim = psutil.Process(handle.pid)
        tree = {p.pid: p for p in [*shim.children(recursive=True), shim]}
    elif identity.started_ticks(handle.pid) is not None:
        session = None  # the number was used again, so the session of that number is not ours
    for process in psutil.process_iter():
        in_session = session is not None and _session(process.pid) == session
        if in_session or _is_of(process, handle):
            tree.setdefault(process.pid, process)
    return list(tree.values())


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
