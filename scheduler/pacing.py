"""How long a loop rests, and how much it asks for at once. Pure."""

from typing import Final

SHARE: Final = 0.5
"""Most of the time that a loop may keep the server, or the archive's disk, busy."""
_SLOW_S: Final = 0.004
_FAST_S: Final = 0.002
_LEAST: Final = 10


def rest_s(took_s: float, *, more: bool, idle_s: float, share: float = SHARE) -> float:
    """Return how long to rest after a step.

    Args:
        took_s: the step itself.
        more: there is more to do at once.
        idle_s: how long to rest when there is not.
        share: most of the time that steps may take.
    """
    return took_s * (1 / share - 1) if more else idle_s


def next_limit(limit: int, took_s: float, *, most: int) -> int:
    """Return how many tasks the next call may take: fewer when the last one was slow.

    A call keeps every claim waiting for as long as it runs.
    """
    if took_s > _SLOW_S:
        return max(_LEAST, limit // 2)
    if took_s < _FAST_S:
        return min(most, limit * 2)
    return limit
