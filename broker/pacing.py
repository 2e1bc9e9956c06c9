"""How much one call may ask for, so that nobody else waits long for the server. Pure."""

from typing import Final

_SLOW_S: Final = 0.004
_FAST_S: Final = 0.002
_LEAST: Final = 10


def next_limit(limit: int, took_s: float, *, most: int) -> int:
    """Return how many tasks the next call may take: fewer when the last one was slow.

    A call keeps every claim waiting for as long as it runs.
    """
    if took_s > _SLOW_S:
        return max(_LEAST, limit // 2)
    if took_s < _FAST_S:
        return min(most, limit * 2)
    return limit
