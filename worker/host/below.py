"""Kills what is below a process, by asking each process for its children.

`tree.kill_below` looks through all processes of the machine instead, which takes long where a
thousand calls are to be killed at once.
"""

from __future__ import annotations

import os
import signal

from ..process import tree

_PASSES = 20


def kill(root: int) -> None:
    """Kill all descendants of a process that is stopped."""
    if _children(root) is None:  # this kernel does not tell
        tree.kill_below(root)
        return
    found: set[int] = set()
    for _ in range(_PASSES):
        new = _descendants(root) - found
        if not new:
            break
        for pid in new:
            stop(pid)  # so that none starts another one meanwhile
        found |= new
    tree.kill(found)


def stop(pid: int) -> bool:
    """Send SIGSTOP; return whether that could be done."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _descendants(root: int) -> set[int]:
    found: set[int] = set()
    open_ends = [root]
    while open_ends:
        children = _children(open_ends.pop()) or []
        open_ends += [pid for pid in children if pid not in found]
        found.update(children)
    return found


def _children(pid: int) -> list[int] | None:
    """Of all threads of a process; empty if it has ended, None where nobody tells."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return [] if os.path.exists("/proc/self/task") else None
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.readall().split())
        except OSError:
            if os.path.exists(f"/proc/{pid}/task/{thread}"):
                return None
    return found
