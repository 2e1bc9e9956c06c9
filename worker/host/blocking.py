"""When a loop counts as blocked, and by whom. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Blocking:
    """Looks at samples; times in seconds of one clock.

    A turn may be long since many tasks do a little each: nobody is guilty of that. Blocked is a
    loop where each sample of `lag_s` shows the same code, within the same turn.
    """

    def __init__(self) -> None:
        self._turn: float | None = None
        self._who: Any = None
        self._since = 0.0
        self._last = 0.0
        self.is_told = False

    def look(self, now: float, turn: float, who: Any, lag_s: float) -> float:
        """Return for how long one piece of code has blocked the loop; 0: it does not.

        Args:
            now: the time of this sample.
            turn: when the loop has last gone on.
            who: what runs in the loop, compared by identity; None: nothing of the user's.
            lag_s: for how long it may.
        """
        was_frozen = now - self._last > lag_s  # the process was: stopped, or kept from running
        self._last = now
        if turn != self._turn or who is None or who is not self._who or was_frozen:
            self._turn, self._who, self._since = turn, who, now
            return 0.0
        blocked_s = now - self._since
        return blocked_s if blocked_s >= lag_s else 0.0
