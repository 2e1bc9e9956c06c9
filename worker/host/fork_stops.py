"""Stops calls of a fork host: SIGTERM to the group, SIGKILL to the whole tree after the grace."""

from __future__ import annotations

import heapq
import signal
import time

from .lines import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .forked import Forked
    from .reports import Reports

_PATIENCE_S = 5.0
"""How long a killed process gets to disappear; one that hangs in a driver may never."""


class ForkStops:
    """Knows when what is to be done to which call. Times are on the monotonic clock, in s."""

    def __init__(self, running: Mapping[str, Forked], reports: Reports) -> None:
        self._running = running
        self._reports = reports
        self._due: list[tuple[float, str]] = []

    def began(self, child: Forked) -> None:
        """Stop it when its time is over."""
        if child.call.timeout_s:
            heapq.heappush(self._due, (child.call.started + child.call.timeout_s, child.call.key))

    def stop(self, child: Forked, cause: str, grace_s: float) -> None:
        """Ask it to end; the first cause counts, and the shortest grace."""
        call = child.call
        stop_at = time.monotonic() + grace_s
        if not call.cause:
            call.cause, call.stop_at = cause, stop_at
            if grace_s:
                child.send(signal.SIGTERM)
                child.send(signal.SIGCONT)  # a stopped process would sleep through its grace
        call.stop_at = min(call.stop_at, stop_at)
        heapq.heappush(self._due, (call.stop_at, call.key))

    def look(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            when, key = heapq.heappop(self._due)
            child = self._running.get(key)
            if child is None or child.status is not None:
                continue
            if child.is_killed:
                self._refused(child, when)
            elif not child.call.cause:
                self.stop(child, "timed out", child.call.grace_s)
            elif now >= child.call.stop_at:
                child.kill()
                heapq.heappush(self._due, (time.monotonic() + _PATIENCE_S, key))

    def wait_s(self) -> float | None:
        """How long until something is due; None: nothing ever is."""
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _refused(self, child: Forked, when: float) -> None:
        if when >= child.call.stop_at + _PATIENCE_S:
            self._reports.say(line("refused", child.call.key, "its process can't be killed"))
