"""Reads the stream of events for `events`: what was, then what comes."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from ..broker import streams
from ..broker.errors import NothingSelected
from ..broker.events import Events
from ..broker.ids import LENGTH, is_prefix
from . import exits, loop
from .config import Settings
from .connected import connected_twice
from .following import reviver
from .news import BLOCK_S, earlier
from .patience import Aloud, Patience
from .reading import NOTHING_YET, resolve
from .render.event_text import line_of, style_of
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.events import Event
    from ..broker.namespace import Namespace

_PAGE = 500


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events; what is empty lets all pass."""

    task: str = ""
    queue: str = ""
    since_s: float = 0.0
    """Unix s; none before."""
    after: str = ""
    """Id of an event: only later ones, oldest first."""
    limit: int = 30
    """At most so many of those that were."""
    stays: bool = False
    """Go on with those that come."""

    def accepts(self, event: "Event") -> bool:
        """Return whether an event is to be shown."""
        return (
            self.task in ("", event.task_id)
            and self.queue in ("", event.fields.get("queue", ""))
            and event.at >= self.since_s
        )


def show_events(settings: Settings, screen: Screen, wanted: Wanted) -> int:
    """Print events, oldest first; return the exit code."""
    from .broker_url import reading_url, working_url

    url = working_url(settings) if wanted.stays else reading_url(settings)
    if url is None:
        screen.say(NOTHING_YET)
        return exits.OK
    reader = _Reader(settings, screen, wanted)
    try:
        loop.run(lambda: reader.read(url))
    except KeyboardInterrupt:
        screen.say("\nstopped following; whatever runs goes on. From here on later:")
        screen.say(f"  rq-agent events -f --after {reader.last}")
        return exits.INTERRUPTED
    if not reader.count:
        screen.say("no such events are kept; the stream holds the newest 100 000")
    return exits.OK


class _Reader:
    """Prints what is wanted and remembers how far it came."""

    def __init__(self, settings: Settings, screen: Screen, wanted: Wanted) -> None:
        self._settings = settings
        self._screen = screen
        self._wanted = wanted
        self.last = wanted.after or streams.START
        self.count = 0

    async def read(self, url: str) -> None:
        both = connected_twice(url, self._settings.namespace, block_s=BLOCK_S)
        async with both as (namespace, blocking):
            if self._wanted.task:
                task_id = await _task_id(namespace, self._wanted.task)
                self._wanted = msgspec.structs.replace(self._wanted, task=task_id)
            past = self._later if self._wanted.after else self._newest
            await past(Events(namespace))
            if self._wanted.stays:
                await self._follow(Events(blocking))

    async def _newest(self, events: Events) -> None:
        """Print the newest ones that there are."""
        found: list[Event] = []
        async for event in _backwards(events):
            if self.last == streams.START:
                self.last = event.id
            if event.at < self._wanted.since_s or len(found) >= self._wanted.limit:
                break
            if self._wanted.accepts(event):
                found.append(event)
        for event in reversed(found):
            self._print(event)

    async def _later(self, events: Events) -> None:
        """Print the first ones after the one that was named."""
        while self.count < self._wanted.limit or self._wanted.stays:
            some = await events.read(self.last, count=_PAGE)
            for event in some:
                self._take(event)
                if self.count >= self._wanted.limit and not self._wanted.stays:
                    return
            if not some:
                return

    async def _follow(self, events: Events) -> None:
        patiently = Patience(Aloud(self._screen), revive=reviver(self._settings))
        while True:
            last, times_away = self.last, patiently.times_away
            found = await patiently(
                lambda last=last: events.read(last, block_ms=int(BLOCK_S * 1000)),  # type: ignore[misc]
                block_s=BLOCK_S,
            )
            for event in found:
                self._take(event)
            if not found and patiently.times_away > times_away:
                self.last = earlier(last, await patiently(events.last))

    def _take(self, event: "Event") -> None:
        self.last = event.id
        if self._wanted.accepts(event):
            self._print(event)

    def _print(self, event: "Event") -> None:
        self.count += 1
        if self._screen.json:
            self._screen.print_json_line({"schema": 1, **msgspec.to_builtins(event)})
        else:
            self._screen.put(line_of(event), style_of(event))
            sys.stdout.flush()


async def _backwards(events: Events) -> "AsyncIterator[Event]":
    before = ""
    while some := await events.newest(before, count=_PAGE):
        for event in some:
            yield event
        before = some[-1].id


async def _task_id(namespace: "Namespace", selector: str) -> str:
    """Return the task that is meant; one that was purged is known by its whole id only."""
    try:
        [task_id] = await resolve(namespace, [selector])
        return task_id
    except NothingSelected:
        if len(selector) == LENGTH and is_prefix(selector):
            return selector
        raise
