"""Hears what happens in a namespace, so that nobody has to look again and again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..broker import streams
from ..broker.events import Event, Events
from .patience import Patience

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

BLOCK_S: Final = 5.0
"""Longest wait for one answer of the connection that the news come on."""
_AT_ONCE: Final = 500


class News:
    """Events as they come, on a connection of its own, also over a restart of Redis."""

    def __init__(self, blocking: "Namespace", patiently: Patience) -> None:
        """Args.

        blocking: a namespace on a connection for commands that block up to BLOCK_S.
        patiently: waits for Redis.
        """
        self._events = Events(blocking)
        self._patiently = patiently
        self._after: str | None = None
        self._times_away = 0
        self.has_skipped = False
        """The last call may have missed events: look again at everything."""

    async def start(self) -> None:
        """Hear of what happens from now on. Call it before the first look at anything."""
        self._after = await self._patiently(self._events.last)

    async def next(self, wait_s: float = BLOCK_S) -> Sequence[Event]:
        """Return what happened since the last call; none if that was nothing within wait_s.

        Where more happens than anybody could follow, the rest is passed over: see has_skipped.
        """
        if self._after is None:
            await self.start()
        after, block_ms = self._after or "", max(1, int(min(wait_s, BLOCK_S) * 1000))
        found = await self._patiently(
            lambda: self._events.read(after, count=_AT_ONCE, block_ms=block_ms),
            block_s=block_ms / 1000,
        )
        is_flood = len(found) == _AT_ONCE
        # A Redis that restarted may have lost its last second, and what it told in it.
        was_away = self._patiently.times_away > self._times_away
        self._times_away = self._patiently.times_away
        self.has_skipped = is_flood or was_away
        if is_flood:
            self._after = await self._patiently(self._events.last)
        elif found:
            self._after = found[-1].id
        elif was_away:  # it may have come back with a clock, or a stream, of before
            self._after = earlier(after, await self._patiently(self._events.last))
        return found


def earlier(one: str, other: str) -> str:
    """Return the earlier one of two ids of events."""
    return min(one, other, key=streams.place)
