"""Finds and kills what is left below a process."""

import os
import signal
import sys
from collections.abc import Iterable

from . import identity


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


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to each; those that are gone, or run as somebody else (sudo), are left."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


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


def _living_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        fields = identity.stat_fields(int(name))
        if fields is not None and not identity.is_dead(fields[0]):
            children.setdefault(int(fields[1]), []).append(int(name))
    return children
