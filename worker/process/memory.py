"""Holds a program to its memory limit where the kernel does not: looks, and tells when to kill.

What counts is the proportional set size (PSS) and the swap of all its processes: a page that
three of them share counts once. To learn it is costly, so it is asked for only when the resident
sizes, which count such a page three times, add up to more than the limit.
"""

import os
import time
from collections.abc import Callable, Iterable

_FASTEST_MIB_S = 4_096.0
"""About what one thread can fill in a second."""
_SHORTEST_S = 0.1
_LONGEST_S = 1.0


def rest_s(used_mib: float, limit_mib: float) -> float:
    """Return how long no look is needed."""
    return min(_LONGEST_S, max(_SHORTEST_S, (limit_mib - used_mib) / _FASTEST_MIB_S))


def resident_mib(pids: Iterable[int]) -> float:
    """Return what processes have in memory and swap; what they share counts for each."""
    return sum(_kib(pid, "status", (b"VmRSS:", b"VmSwap:")) for pid in pids) / 1024


def proportional_mib(pids: Iterable[int]) -> float:
    """Return what processes have in memory and swap; what they share counts once."""
    return sum(_proportional_kib(pid) for pid in pids) / 1024


class MemoryWatch:
    """Looks at what a program uses.

    Args:
        limit_mib: 0: none, so it never looks.
        members: returns the pids of the program.
    """

    def __init__(self, limit_mib: float, members: Callable[[], list[int]]) -> None:
        self._limit_mib = limit_mib
        self._members = members
        self._next_s = time.monotonic()

    def left_s(self) -> float | None:
        """Return how long to wait before the next look; None: there is none."""
        return max(0.0, self._next_s - time.monotonic()) if self._limit_mib else None

    def is_over(self) -> bool:
        """Look, if it is time, and return whether more is used than may be."""
        left_s = self.left_s()
        if left_s is None or left_s > 0:
            return False
        pids = self._members()
        used_mib = resident_mib(pids)
        if used_mib > self._limit_mib:
            used_mib = proportional_mib(pids)
        self._next_s = time.monotonic() + rest_s(used_mib, self._limit_mib)
        return used_mib > self._limit_mib


def machine_kills() -> int:
    """Return how many processes the kernel of this machine killed for want of memory."""
    _, _, rest = _content("/proc/vmstat").partition(b"\noom_kill ")
    return int(rest.partition(b"\n")[0] or 0)


def _proportional_kib(pid: int) -> int:
    lines = _lines(f"/proc/{pid}/smaps_rollup")
    if not lines:  # not ours to read, or gone
        return _kib(pid, "status", (b"VmRSS:", b"VmSwap:"))
    return _sum(lines, (b"Pss:", b"SwapPss:"))


def _kib(pid: int, name: str, fields: tuple[bytes, ...]) -> int:
    return _sum(_lines(f"/proc/{pid}/{name}"), fields)


def _sum(lines: Iterable[bytes], fields: tuple[bytes, ...]) -> int:
    """Return the sum of the numbers of some fields, in lines `field number ...`."""
    words = [line.split() for line in lines if line.startswith(fields)]
    return sum(int(found[1]) for found in words if found[0] in fields)


def _lines(path: str) -> list[bytes]:
    return _content(path).splitlines()


def _content(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 65_536)
    except OSError:
        return b""
    finally:
        os.close(fd)
