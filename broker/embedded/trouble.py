"""One line in the log for trouble of one kind, not one for each time: strangers cause it at will."""

import logging
import time
from collections.abc import Callable
from typing import Final

_QUIET_S: Final = 10.0


class Trouble:
    """Counts what it does not log."""

    def __init__(
        self, log: logging.Logger, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._clock_s = clock_s
        self._kinds: dict[str, tuple[float, int]] = {}
        """When the last line of a kind was written, and how many were not since."""

    def tell(self, kind: str, detail: str) -> None:
        """Log a line, unless there was one of this kind just now."""
        now_s = self._clock_s()
        last_s, unsaid = self._kinds.get(kind, (now_s - _QUIET_S, 0))
        if now_s - last_s < _QUIET_S:
            self._kinds[kind] = last_s, unsaid + 1
            return
        more = f" (and {unsaid} like it before)" if unsaid else ""
        self._log.warning("%s: %s%s", kind, detail, more)
        self._kinds[kind] = now_s, 0
