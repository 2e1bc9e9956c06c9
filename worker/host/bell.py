"""When the worker is told that there is something to read."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_APART_S = 0.01


class Bell:
    """Rings at once for all but output: a task may print a hundred thousand lines a second."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._last = 0.0
        self._owes = False

    def now(self) -> None:
        """Ring."""
        self._owes = False
        self._ring()

    def soon(self) -> None:
        """Ring, if it has not just been done for other output; else `settle` does it."""
        now = time.monotonic()
        if now - self._last >= _APART_S:
            self._last = now
            self.now()
        else:
            self._owes = True

    def settle(self) -> None:
        """Ring if that is still to be done. To be called every now and then."""
        if self._owes:
            self.now()
