"""Says every 0.5 s that a fork host lives, and how much memory it and its children use."""

from __future__ import annotations

import os
import resource
import time

from .lines import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .forked import Forked
    from .reports import Reports

_EVERY_S = 0.5
_MOST_LOOKS = 50
"""Children whose memory is read at each pulse; with more of them, they take turns."""
_PAGE = resource.getpagesize()


class Pulse:
    """Counts of a child only what it has beyond the host: the rest is shared."""

    def __init__(self, running: Mapping[str, Forked], reports: Reports) -> None:
        self._running = running
        self._reports = reports
        self._next_at = 0.0
        self._first = 0

    def beat(self) -> None:
        """Say it, if it is time."""
        now = time.monotonic()
        if self._running and now >= self._next_at:
            self._next_at = now + _EVERY_S
            self._reports.say(line("pulse", 0, self._rss_bytes(), len(self._running)))

    def wait_s(self) -> float | None:
        """How long until the next one; None: there is none."""
        return max(0.0, self._next_at - time.monotonic()) if self._running else None

    def _rss_bytes(self) -> int:
        own = _pages(os.getpid())
        children = list(self._running.values())
        if self._first >= len(children):
            self._first = 0
        for child in children[self._first : self._first + _MOST_LOOKS]:
            child.own_pages = max(0, _pages(child.pid) - own)
        self._first += _MOST_LOOKS
        return (own + sum(child.own_pages for child in children)) * _PAGE


def _pages(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return int(file.readall().split()[1])
    except (OSError, IndexError):
        return 0  # it has ended; or this is no Linux
