"""Task ids that sort by time of creation."""

import hashlib
import secrets
import time
from typing import Final

from .keys import TaskId

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u to misread; sorts as the number does."""
_PAIRS: Final = tuple(first + second for first in _DIGITS for second in _DIGITS)
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
    return TaskId("".join([_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)]))


def of_event(unix_ms: int, *words: str) -> TaskId:
    """Return the one id of what happens at a time, whoever makes it and however often.

    40 bits tell those of one second apart: two of a thousand share an id once in two million times.
    """
    told = "\0".join((*words, str(unix_ms))).encode()
    spread = int.from_bytes(hashlib.sha256(told).digest()[:8], "big")
    ms = unix_ms - unix_ms % 1000 + spread % 1000
    return encode(ms << _RANDOM_BITS | spread // 1000 % (1 << _RANDOM_BITS))


def first_of(unix_ms: int) -> TaskId:
    """Return the smallest id that is made at a time."""
    return encode(max(unix_ms, 0) << _RANDOM_BITS)


def is_prefix(text: str) -> bool:
    """Return whether text could be the beginning of an id."""
    return 0 < len(text) <= LENGTH and all(c in _DIGITS for c in text)
