"""Task ids that sort by time of creation."""

import secrets
import time
from typing import Final

from .keys import TaskId

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u to misread; sorts as the number does."""
_RANDOM_BITS: Final = 30
LENGTH: Final = 16
"""10 digits of Unix milliseconds and 6 random ones."""


class TaskIds:
    """Makes ids that strictly increase, also within one millisecond."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> TaskId:
        """Return a new id."""
        now_ms = time.time_ns() // 1_000_000
        fresh = now_ms << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        self._last = fresh if fresh > self._last else self._last + 1
        return encode(self._last)


def encode(number: int) -> TaskId:
    """Return the 16 digits of a number below 2**80."""
    return TaskId("".join(_DIGITS[number >> shift & 31] for shift in range(75, -1, -5)))


def first_of(unix_ms: int) -> TaskId:
    """Return the smallest id that is made at a time."""
    return encode(max(unix_ms, 0) << _RANDOM_BITS)


def is_prefix(text: str) -> bool:
    """Return whether text could be the beginning of an id."""
    return 0 < len(text) <= LENGTH and all(c in _DIGITS for c in text)
