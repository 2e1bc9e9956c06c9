"""The output of one task as it comes, over all of its attempts."""

import re
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from ...broker.errors import BrokerUnavailable, TaskNotFound, UsageError
from ...broker.feed import Attempt
from ...broker.keys import TaskId
from ...broker.logs import Cursor, LogEntry, Logs
from ...broker.lookups import Lookups
from ...broker.namespace import Namespace
from ...broker.record import Record, to_json
from .hub import Hub, Tick
from .sse import frame
from .stream import Push

_PLACE: Final = re.compile(r"([0-9]{1,16}):([0-9/\-]{1,90})", re.ASCII)
_ENTRIES: Final = 32
"""In one event: half a MiB at most."""
_LOOK_EVERY_S: Final = 1.0


class Place(NamedTuple):
    """How far a page has read: the id of every event, so that nothing is missed or repeated."""

    fence: int
    cursor: str

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place of an event's id; without one the beginning.

        Raises:
            UsageError: the text is not one.
        """
        if not text:
            return cls(0, "0")
        found = _PLACE.fullmatch(text)
        if found is None:
            raise UsageError(f"{text[:80]!r} is not a place in a task's output")
        return cls(int(found[1]), str(Cursor.parse(found[2])))

    def __str__(self) -> str:
        return f"{self.fence}:{self.cursor}"


class LogStream:
    """Follows one task until it is final and all of its output was pushed."""

    def __init__(self, ns: Namespace, hub: Hub, task_id: TaskId, place: Place) -> None:
        self._lookups = Lookups(ns)
        self._logs = Logs(ns)
        self._hub = hub
        self._task_id = task_id
        self._place = place
        self._told: dict[str, Any] = {}
        self._is_away = False

    async def frames(self, push: Push) -> None:
        """Push output, state and attempts as they come; wait for Redis while it is away."""
        while True:
            try:
                await self._attempts(push)
                return
            except TaskNotFound:
                await push(frame("end", {"state": "gone"}))
                return
            except BrokerUnavailable as e:
                if not self._is_away:
                    self._is_away = True
                    await push(frame("broker", {"away": str(e)}))
                await anyio.sleep(_LOOK_EVERY_S)

    async def _attempts(self, push: Push) -> None:
        while True:
            attempt = Attempt(self._task_id, self._place.fence)
            with self._hub.following(attempt):
                if await self._attempt(push):
                    return

    async def _attempt(self, push: Push) -> bool:
        """Push what comes of one attempt; return whether the task ended with it."""
        while True:
            tick = self._hub.tick
            record = await self._lookups.record(self._task_id)
            await self._tell_back(push)
            await self._tell_state(record, push)
            came = await self._output(push)
            if record.fence != self._place.fence and not came:
                self._place = Place(record.fence, "0")
                fields = {"fence": record.fence, "attempt": record.attempt}
                await push(frame("attempt", fields, at=str(self._place)))
                return False
            if record.is_final and not came:
                await push(frame("end", {"state": record.state}))
                return True
            if not came:
                await self._wait(tick)

    async def _output(self, push: Push) -> bool:
        """Push what is there; return whether there was any."""
        fence, after = self._place
        if not fence:
            return False
        entries, after = await self._logs.read(self._task_id, fence, after, count=_ENTRIES)
        if entries:
            self._place = Place(fence, after)
            await push(frame("output", {"entries": _plain(entries)}, at=str(self._place)))
        return bool(entries)

    async def _tell_state(self, record: Record, push: Push) -> None:
        told = to_json(record)
        if told != self._told:
            self._told = told
            await push(frame("state", {"task": told}))

    async def _tell_back(self, push: Push) -> None:
        if self._is_away:
            self._is_away = False
            await push(frame("broker", {"away": None}))

    async def _wait(self, tick: Tick) -> None:
        """Return when there may be something new."""
        with anyio.move_on_after(_LOOK_EVERY_S):
            while True:
                batch = await tick.wait(_LOOK_EVERY_S)
                attempt = Attempt(self._task_id, self._place.fence)
                if batch is None or attempt in batch.logs or self._task_id in batch.tasks:
                    return
                tick = self._hub.tick


def _plain(entries: list[LogEntry]) -> list[dict[str, Any]]:
    """Return entries as JSON has them: the data in base 64, since any bytes may come."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(entries)
    return plain
