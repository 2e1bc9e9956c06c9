"""Hears what happens in a namespace, so that nobody has to look again and again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from ..broker.events import Event, Events
from .patience import Patience, Teller

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

BLOCK_S: Final = 5.0
"""Longest wait for one answer of the connection that the news come on."""
_AT_ONCE: Final = 500


class News:
    """Events as they come, on a connection of its own, also over a restart of Redis."""

    def __init__(
        self,
        blocking: "Namespace",
        teller: Teller,
        *,
        revive: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Args.

        blocking: a namespace on a connection for commands that block up to BLOCK_S.
        teller: is told when Redis goes away and comes back.
        revive: called while Redis is away, e.g. to start the embedded server again.
        """
        self._events = Events(blocking)
        self._patiently = Patience(teller, revive=revive)
        self._after: str | None = None
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
        was_away = self._patiently.times_away
        found = await self._patiently(
            lambda: self._events.read(after, count=_AT_ONCE, block_ms=block_ms)
        )
        is_flood = len(found) == _AT_ONCE
        # A Redis that restarted may have lost its last second, and what it told in it.
        self.has_skipped = is_flood or self._patiently.times_away > was_away
        if is_flood:
            self._after = await self._patiently(self._events.last)
        elif found:
            self._after = found[-1].id
        return found
