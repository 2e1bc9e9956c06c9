"""Reads what happened in queues: counts, rates and times by the minute, kept for eight days."""

from collections.abc import Sequence
from typing import Final

from . import keys
from .counts import MINUTE_MS, Counts, QueueStatistics, Spread, Stored, joined
from .errors import UsageError
from .namespace import Namespace
from .replies import kept

__all__ = ["KEPT_MINUTES", "Counts", "QueueStatistics", "Spread", "Statistics"]

KEPT_MINUTES: Final = 8 * 24 * 60
_A_CALL: Final = 1440
"""Minutes read in one round trip."""


class Statistics:
    """Statistics of the queues of a namespace."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def read(
        self, queue: str, since_ms: int, until_ms: int, step_minutes: int = 1
    ) -> list[QueueStatistics]:
        """Return one entry for each step of a period, oldest first, those with nothing too.

        Args:
            queue: its name; of one that does not exist all entries are empty.
            since_ms: Unix ms; the minute in which it lies counts as a whole.
            until_ms: Unix ms; likewise, unless it is the very beginning of a minute.
            step_minutes: how many minutes make an entry; the last one may be shorter.

        Raises:
            UsageError: the period ends before it begins, or it or the step is longer than what
                is kept.
        """
        minutes = _minutes(since_ms, until_ms)
        if not 1 <= step_minutes <= KEPT_MINUTES:
            raise UsageError(f"a step of {step_minutes} minutes: say 1 to {KEPT_MINUTES}")
        now_ms = await self._now_ms()
        stored = await self._stored([(queue, minute) for minute in minutes])
        return [
            joined(queue, minutes[n : n + step_minutes], stored[n : n + step_minutes], now_ms)
            for n in range(0, len(minutes), step_minutes)
        ]

    async def latest(self, queues: Sequence[str], minutes: int) -> dict[str, QueueStatistics]:
        """Return what happened in each queue in the last minutes, the present one among them.

        Raises:
            UsageError: no minutes, or more than are kept.
        """
        now_ms = await self._now_ms()
        period = _minutes(now_ms - (minutes - 1) * MINUTE_MS, now_ms + 1)
        stored = await self._stored([(queue, minute) for queue in queues for minute in period])
        size = len(period)
        return {
            queue: joined(queue, period, stored[n * size : (n + 1) * size], now_ms)
            for n, queue in enumerate(queues)
        }

    async def _now_ms(self) -> int:
        now_s, now_us = await self._ns.redis.time()
        return int(now_s) * 1000 + int(now_us) // 1000

    async def _stored(self, wanted: Sequence[tuple[str, int]]) -> list[Stored]:
        """Return what is stored for each (queue, minute)."""
        found: list[Stored] = []
        for n in range(0, len(wanted), _A_CALL):
            pipe = self._ns.redis.pipeline(transaction=False)
            for queue, minute in wanted[n : n + _A_CALL]:
                pipe.hgetall(keys.statistics(self._ns.prefix, queue, minute))
            found += [kept(reply, {}) for reply in await pipe.execute(raise_on_error=False)]
        return found


def _minutes(since_ms: int, until_ms: int) -> range:
    """Return the minutes since 1970 that a period touches."""
    found = range(since_ms // MINUTE_MS, -(-until_ms // MINUTE_MS))
    if not 0 < len(found) <= KEPT_MINUTES:
        raise UsageError(
            f"statistics of {len(found)} minutes: say 1 to {KEPT_MINUTES}, so many are kept"
        )
    return found
