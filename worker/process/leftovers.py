"""Kills the tree of a task from outside: when its shim is dead, or hangs."""

import os

import psutil

from . import identity
from .handle import Handle, is_alive

_PATIENCE_S = 2.0


def kill(handle: Handle) -> int:
    """Kill the shim and everything below it or in its session; return how many there were.

    Blocks for up to 2 s. What left both the tree and the session before the shim died, stays.
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
    if is_alive(handle):
        shim = psutil.Process(handle.pid)
        tree = {p.pid: p for p in [*shim.children(recursive=True), shim]}
    elif identity.started_ticks(handle.pid) is not None:
        # The number was used again, so the session of that number is not ours either.
        return []
    for process in psutil.process_iter():
        if _session(process.pid) == handle.pid:
            tree.setdefault(process.pid, process)
    return list(tree.values())


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None
