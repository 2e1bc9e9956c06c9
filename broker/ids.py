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
        return self.many(1)[0]

    def many(self, count: int) -> list[TaskId]:
        """Return new ids that follow each other without a gap."""
        now_ms = time.time_ns() // 1_000_000
        fresh = now_ms << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        first = max(fresh, self._last + 1)
        self._last = first + count - 1
        return [encode(first)] if count == 1 else _run_of(first, count)


def _run_of(first: int, count: int) -> list[TaskId]:
    """Return the ids of numbers that follow each other; most share all but their last digits."""
    ids: list[TaskId] = []
    while count > 0:
        begin, at = encode(first)[:-2], first % len(_PAIRS)
        part = _PAIRS[at : at + count]
        ids += [TaskId(begin + pair) for pair in part]
        first, count = first + len(part), count - len(part)
    return ids


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
