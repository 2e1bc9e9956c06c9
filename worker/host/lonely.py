"""When a host is of no use to anybody any more: its worker has gone, and nothing runs in it."""

from __future__ import annotations

import time

LONELY_S = 600.0
"""A worker that starts anew is back long before."""


class Lonely:
    """Counts how long nobody has needed the host. To be asked every now and then."""

    def __init__(self) -> None:
        self.limit_s = LONELY_S
        self._since_s: float | None = None

    def look(self, *, is_needed: bool) -> bool:
        """Return whether nobody has needed it for so long that it is to end."""
        if is_needed:
            self._since_s = None
            return False
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
        return now_s - self._since_s >= self.limit_s

    def wait_s(self) -> float | None:
        """How long until it is to be asked although nothing happens; None: it need not be."""
        if self._since_s is None:
            return None
        return max(0.0, self._since_s + self.limit_s - time.monotonic())
