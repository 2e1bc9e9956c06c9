"""How fast the light tasks of this worker end: what the size of a claim is decided by."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from .ahead import ahead, is_worth_a_claim

_WEIGHT: Final = 0.02
"""Of one end in the typical length: some fifty ends ago count no more."""
_UNKNOWN_MS: Final = 1_000.0


class Pace:
    """One per worker."""

    def __init__(self, slots: int, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """`slots`: light tasks at once."""
        self._slots = slots
        self._now_s = now_s
        self._typical_ms = _UNKNOWN_MS
        self._ended_s = float("-inf")

    def ended(self, lasted_ms: Sequence[int]) -> None:
        """Note how long tasks lasted that ended now."""
        if not lasted_ms:
            return
        weight = 1 - (1 - _WEIGHT) ** len(lasted_ms)
        mean_ms = sum(lasted_ms) / len(lasted_ms)
        self._typical_ms += weight * (mean_ms - self._typical_ms)
        self._ended_s = self._now_s()

    def missed(self) -> None:
        """Note that tasks were claimed ahead, and no place came free for them."""
        self._typical_ms = _UNKNOWN_MS

    def ahead(self) -> int:
        """Return how many more light tasks may be claimed than have a place."""
        since_ms = (self._now_s() - self._ended_s) * 1000
        return ahead(slots=self._slots, typical_ms=self._typical_ms, since_end_ms=since_ms)

    def is_worth_a_claim(self, room: int, held: int) -> bool:
        """Return whether to claim for so much room now, and not when there is more in a moment."""
        return is_worth_a_claim(room=room, held=held, typical_ms=self._typical_ms)
