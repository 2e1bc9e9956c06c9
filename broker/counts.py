"""What `lua/counts.lua` stores of a queue's minute, and what periods make of it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from . import histogram
from .decoding import whole
from .histogram import Histogram
from .states import FINAL

MINUTE_MS: Final = 60_000
_PERCENTS: Final = (50, 95, 99)

Stored = Mapping[bytes, bytes]
"""The hash of one minute; anybody may have written to it."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How times are spread: each within 6.25 % of the true one, at most 30 days."""

    count: int
    p50_s: float
    p95_s: float
    p99_s: float


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How often each thing happened to tasks. The names are the fields in Redis."""

    enqueued: int = 0
    claimed: int = 0
    succeeded: int = 0
    failed: int = 0
    errored: int = 0
    timed_out: int = 0
    cancelled: int = 0
    skipped: int = 0
    expired: int = 0
    dead: int = 0
    retried: int = 0
    """Their claim ended, and they run once more."""
    released: int = 0
    """Given back, uncharged."""
    lost: int = 0
    """Their lease ran out, whether or not their worker took them up again."""

    @property
    def finished(self) -> int:
        """Return how many tasks became final."""
        return sum(getattr(self, state.value) for state in FINAL)


class QueueStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one queue in one period."""

    queue: str
    since_ms: int
    """Unix ms on the clock of Redis, the beginning of a minute."""
    until_ms: int
    """The end of a minute, or now."""
    counts: Counts
    wait: Spread | None
    """From ready to claimed. None: nothing was claimed."""
    run: Spread | None
    """From claimed to the end of the claim, however it ended. None: no claim ended."""

    def a_second(self, count: int) -> float:
        """Return a count of this period as a rate."""
        return count * 1000 / max(self.until_ms - self.since_ms, 1)


def joined(
    queue: str, minutes: Sequence[int], stored: Sequence[Stored], now_ms: int
) -> QueueStatistics:
    """Return what several minutes make together.

    Args:
        queue: its name.
        minutes: one after the other, at least one; minutes since 1970.
        stored: the hash of each.
        now_ms: no period ends later.
    """
    since_ms, end_ms = minutes[0] * MINUTE_MS, (minutes[-1] + 1) * MINUTE_MS
    return QueueStatistics(
        queue=queue,
        since_ms=since_ms,
        until_ms=max(since_ms, min(end_ms, now_ms)),
        counts=Counts(**{name: _sum(name, stored) for name in Counts.__struct_fields__}),
        wait=_spread("w", stored),
        run=_spread("r", stored),
    )


def _sum(field: str, stored: Sequence[Stored]) -> int:
    name = field.encode()
    return sum(_count(fields[name]) for fields in stored if name in fields)


def _spread(letter: str, stored: Sequence[Stored]) -> Spread | None:
    total = histogram.merged(_histogram(letter.encode(), fields) for fields in stored)
    found = histogram.percentiles_ms(total, _PERCENTS)
    if found is None:
        return None
    p50, p95, p99 = (ms / 1000 for ms in found)
    return Spread(count=sum(total.values()), p50_s=p50, p95_s=p95, p99_s=p99)


def _histogram(letter: bytes, fields: Stored) -> Histogram:
    found = {}
    for name, value in fields.items():
        if name.startswith(letter) and (bucket := _bucket(name[1:])) is not None:
            found[bucket] = _count(value)
    return found


def _bucket(digits: bytes) -> int | None:
    number = whole(digits)
    return number if number is not None and number <= histogram.LAST else None


def _count(value: bytes) -> int:
    return whole(value) or 0
