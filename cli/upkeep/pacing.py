"""When a process that ended is started again. Pure."""

from typing import Final

SOON_S: Final = 30.0
"""A process that ended sooner than this after its start did not do its work."""
FAILING_AFTER: Final = 5
"""So many short lives in a row: it is told to people."""
_FIRST_PAUSE_S: Final = 0.25
_FAILING_PAUSE_S: Final = 60.0


def short_lives(before: int, lived_s: float) -> int:
    """Return how many short lives there were in a row, the last one included."""
    return before + 1 if lived_s < SOON_S else 0


def pause_s(short_lives: int) -> float:
    """Return how long to wait before the next start."""
    if short_lives >= FAILING_AFTER:
        return _FAILING_PAUSE_S
    return _FIRST_PAUSE_S * 2.0 ** max(0, short_lives - 1)
