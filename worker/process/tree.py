"""Finds and kills what is left below a process."""

import os
import signal
import sys
from collections.abc import Iterable

from . import identity

_PASSES = 20


def descendants(root: int) -> list[int]:
    """Return the pids of all living descendants, parents first. Linux only; else empty."""
    if sys.platform != "linux":
        return []
    children = _living_by_parent()
    found: list[int] = []
    open_ends = [root]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found += below
        open_ends += below
    return found


def own_children() -> list[int]:
    """Return the pids of the children of this process, which must have one thread only.

    Much faster than `descendants`: a process that forks and ends, again and again, is caught
    when it loses its parent and becomes a child of ours. Only where the kernel tells; else all
    descendants.
    """
    try:
        fd = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return descendants(os.getpid())
    try:
        parts = []
        while part := os.read(fd, 65_536):
            parts.append(part)
    finally:
        os.close(fd)
    return [int(pid) for pid in b"".join(parts).split()]


def kill_below(root: int) -> set[int]:
    """Stop all descendants, so that none starts another one meanwhile, and kill them."""
    found: set[int] = set()
    for _ in range(_PASSES):
        new = set(descendants(root)) - found
        if not new:
            break
        _send(signal.SIGSTOP, new)
        found |= new
    kill(found)
    return found


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to each; those that are gone, or run as somebody else (sudo), are left."""
    _send(signal.SIGKILL, pids)


def kill_group(leader: int) -> None:
    """Send SIGKILL to a process group, if there is one."""
    signal_group(leader, signal.SIGKILL)


def signal_group(leader: int, *numbers: signal.Signals) -> None:
    """Send signals to a process group, if there is one."""
    for number in numbers:
        try:
            os.killpg(leader, number)
        except (ProcessLookupError, PermissionError):
            # macOS answers EPERM for a group of which only a zombie is left.
            return


def _send(number: signal.Signals, pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _living_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        fields = identity.stat_fields(int(name))
        if fields is not None and not identity.is_dead(fields[0]):
            children.setdefault(int(fields[1]), []).append(int(name))
    return children
