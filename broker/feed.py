"""One blocking read for everything that open pages follow: events, and logs of attempts."""

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from . import keys, streams
from .decoding import text
from .events import Event, parse
from .keys import TaskId
from .namespace import Namespace

_EVENTS = 1_000


class Attempt(NamedTuple):
    """Whose log it is."""

    task_id: TaskId
    fence: int


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What came."""

    events: list[Event]
    """Oldest first."""
    logs: frozenset[Attempt]
    """Attempts whose logs grew; what came is for their readers to read."""


class Feed:
    """Waits for events and output. Give it a namespace on a blocking connection."""

    def __init__(self, ns: Namespace) -> None:
        self._redis = ns.redis
        self._prefix = ns.prefix
        self._events = keys.events(ns.prefix)
        self._after = streams.START
        self._logs: dict[Attempt, str] = {}

    @property
    def after(self) -> str:
        """Return the id of the last event that was read or skipped."""
        return self._after

    async def start(self) -> None:
        """Skip all events that are there."""
        self._after = await streams.last_id(self._redis, self._events)

    async def next(self, attempts: Collection[Attempt], block_ms: int) -> News:
        """Return what came since the last call.

        Args:
            attempts: whose logs count too. Of one that was not named in the last call all
                that is there counts as new: its reader may have missed the latest.
            block_ms: wait so long for the first of it.
        """
        self._logs = {a: self._logs.get(a, streams.START) for a in attempts}
        names = {keys.log(self._prefix, a.task_id, a.fence): a for a in self._logs}
        places: Any = {self._events: self._after}
        places |= {name: self._logs[attempt] for name, attempt in names.items()}
        # One of each tells that there is something; a log's entries are large.
        replies: Any = await self._redis.xread(places, count=1, block=block_ms)
        came = {text(name) for name, _ in replies}
        events: list[Event] = []
        if self._events in came:
            events = await self._read_events()
        grown = frozenset(attempt for name, attempt in names.items() if name in came)
        for attempt in grown:
            key = keys.log(self._prefix, attempt.task_id, attempt.fence)
            self._logs[attempt] = await streams.last_id(self._redis, key)
        return News(events=events, logs=grown)

    async def _read_events(self) -> list[Event]:
        entries = await streams.read(
            self._redis, self._events, self._after, count=_EVENTS, block_ms=None
        )
        if entries:
            self._after = entries[-1][0].decode()
        return [parse(entry_id, raw) for entry_id, raw in entries]
