"""What changes, for one page: from where it left off, without end."""

import re
from collections.abc import Collection
from typing import Final

from ...broker import streams
from ...broker.errors import BrokerUnavailable, UsageError
from ...broker.events import Events
from ...broker.namespace import Namespace
from .changes import TOPICS, of_events
from .hub import Batch, Hub
from .sse import frame
from .stream import Push

_POSITION: Final = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)
_MOST_MISSED: Final = 1_000
_WAIT_S: Final = 60.0


class ChangeStream:
    """Follows some topics."""

    def __init__(self, ns: Namespace, hub: Hub, topics: Collection[str], after: str) -> None:
        """`after`: the last event that the page saw; empty: it begins now."""
        self._events = Events(ns)
        self._hub = hub
        self._topics = [topic for topic in TOPICS if topic in topics]
        self._after = after

    async def frames(self, push: Push) -> None:
        """Push what happens. A page that is too far behind is told to read everything anew."""
        number = self._hub.number
        if self._after:
            await self._catch_up(push)
        else:
            self._after = self._hub.after
            await push(frame("hello", {}, at=self._after))
        if self._hub.away is not None:
            await push(frame("broker", {"away": self._hub.away}))
        while True:
            tick = self._hub.tick
            batches = self._hub.since(number)
            if batches is None:
                await self._start_anew(push)
            for batch in batches or ():
                await self._push(batch, push)
            number = batches[-1].number if batches else max(number, self._hub.number)
            await tick.wait(_WAIT_S)

    async def _catch_up(self, push: Push) -> None:
        """Push what happened since the page's last event, if all of it is still there."""
        try:
            missed = await self._events.read(self._after, count=_MOST_MISSED + 1)
            oldest = await self._events.read(streams.START, count=1)
        except BrokerUnavailable:
            return await self._start_anew(push)
        is_whole = bool(oldest) and _number(oldest[0].id) <= _number(self._after)
        if len(missed) > _MOST_MISSED or not is_whole:
            return await self._start_anew(push)
        self._after = missed[-1].id if missed else self._after
        told = of_events(missed)
        for topic in self._topics:
            if topic in told:
                await push(frame(topic, told[topic]))
        await push(frame("hello", {}, at=self._after))

    async def _start_anew(self, push: Push) -> None:
        self._after = self._hub.after
        await push(frame("snapshot", {}, at=self._after))

    async def _push(self, batch: Batch, push: Push) -> None:
        is_new = _number(batch.after) > _number(self._after)
        names = [n for n in ("broker", *self._topics) if n in batch.frames]
        wanted = [n for n in names if is_new or n in ("broker", "workers")]
        content = b"".join(batch.frames[name] for name in wanted)
        if is_new and content:  # the id goes with the last one: all before it arrived too
            self._after = batch.after
            head, last = content[:-2].rpartition(b"\n\n")[::2]
            content = (head + b"\n\n" if head else b"") + b"id: " + batch.after.encode()
            content += b"\n" + last + b"\n\n"
        if content:
            await push(content)


def checked_position(text: str) -> str:
    """Return an event's id, or nothing.

    Raises:
        UsageError: it is none.
    """
    if text and not _POSITION.fullmatch(text):
        raise UsageError(f"{text[:80]!r} is not the id of an event")
    return text


def _number(position: str) -> tuple[int, int]:
    ms, _, sequence = position.partition("-")
    return int(ms), int(sequence)
