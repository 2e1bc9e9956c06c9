"""What calls that have ended left behind: children of the host that it did not fork itself.

While a call runs, what it starts and orphans becomes a child of its own process; so what comes to
the host belongs to a call that has ended, in whatever session it is.
"""

from __future__ import annotations

import os

from ..process import identity, tree
from . import below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_MOST_TREES = 8


def found(known: Container[int]) -> list[int]:
    """Return the pids of the children of this process, but for the known ones."""
    return [pid for pid in _children() if pid not in known]


def kill(pids: Sequence[int]) -> None:
    """Kill them; quick. What is below them becomes a child of this process, and is found again."""
    tree.kill(pids)


def kill_trees(pids: Sequence[int]) -> None:
    """Kill some of them with all below; slow, but faster than they can fork."""
    for pid in pids[:_MOST_TREES]:
        if below.stop(pid):
            below.kill(pid)
            tree.kill([pid])


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as file:
            return [int(pid) for pid in file.readall().split()]
    except OSError:  # this kernel does not tell
        own = os.getpid()
        return [pid for pid in tree.descendants(own) if _parent(pid) == own]


def _parent(pid: int) -> int:
    fields = identity.stat_fields(pid)
    return int(fields[1]) if fields is not None else 0
