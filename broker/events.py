"""The stream of every transition: what followers, dashboards and audits read."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from . import decoding, keys, streams
from .errors import UsageError
from .keys import TaskId
from .namespace import Namespace

_PLACE: Final = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One transition."""

    id: str
    """Place in the stream: pass it as `after` to go on."""
    task_id: TaskId
    """Empty where the event is about no task."""
    event: str
    at: float
    """Unix seconds on the clock of Redis."""
    fields: dict[str, str]


class Events:
    """Reads the event stream. To wait for events, give it a namespace on a blocking connection."""

    def __init__(self, ns: Namespace) -> None:
        self._redis = ns.redis
        self._key = keys.events(ns.prefix)

    async def read(
        self, after: str = streams.START, *, count: int = 500, block_ms: int | None = None
    ) -> list[Event]:
        """Return at most `count` events after one, oldest first.

        Args:
            after: id of an event; the default is before the oldest that is kept.
            count: at most so many.
            block_ms: wait so long for the first one; None or 0: don't wait.
        """
        entries = await streams.read(self._redis, self._key, after, count=count, block_ms=block_ms)
        return [parse(entry_id, raw) for entry_id, raw in entries]

    async def newest(self, before: str = "", *, count: int = 500) -> list[Event]:
        """Return at most `count` events, newest first, older than `before`; empty: the newest."""
        most = f"({before}" if before else "+"
        entries: Any = await self._redis.xrevrange(self._key, most, "-", count=count)
        return [parse(entry_id, raw) for entry_id, raw in entries]

    async def last(self) -> str:
        """Return the id of the newest event, to read only what comes after it."""
        return await streams.last_id(self._redis, self._key)


def parse(entry_id: bytes, raw: Mapping[bytes, bytes]) -> Event:
    """Return the event of a stream entry, whatever its fields are."""
    fields = decoding.fields(raw)
    name = entry_id.decode()
    return Event(
        id=name,
        task_id=TaskId(fields.pop("id", "")),
        event=fields.pop("event", ""),
        at=int(name.partition("-")[0]) / 1000,
        fields=fields,
    )


def place(text: str) -> str:
    """Return the id of an event that a person wrote; raise UsageError if it is none."""
    if not _PLACE.fullmatch(text):
        raise UsageError(f"{text[:80]!r} is not the id of an event, like 1763720000123-0")
    return text
