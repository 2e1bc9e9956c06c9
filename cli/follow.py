"""Follows one task to its end: what becomes of it, and its output as it comes."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

import anyio

from ..broker.errors import TaskNotFound
from ..broker.logs import Logs
from ..broker.lookups import Lookups
from .patience import Patience, Teller

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.logs import LogEntry
    from ..broker.namespace import Namespace
    from ..broker.record import Record

BLOCK_S: Final = 0.2
"""How long one look at the log waits for output: the end of a task is seen as soon."""
_LOOK_EVERY_S: Final = 0.1
_TEND_EVERY_S: Final = 2.0

Tend = Callable[["Record"], Awaitable[None]]


class View(Teller, Protocol):
    """Who is shown what happens."""

    def state(self, record: "Record") -> None:
        """The task as it is now; called again and again."""

    def output(self, entry: "LogEntry") -> None:
        """Output of the present attempt."""

    def attempt(self, record: "Record") -> None:
        """It runs once more: output of another attempt follows."""


class Follower:
    """Reads by polling: a task lives for seconds or days, and a look costs 0.2 ms."""

    def __init__(
        self,
        namespace: "Namespace",
        blocking: "Namespace",
        view: View,
        *,
        revive: Callable[[], Awaitable[object]] | None = None,
        tend: Tend | None = None,
    ) -> None:
        """Args.

        namespace: to look at the task.
        blocking: on a connection of its own, to wait for output.
        view: is shown what happens.
        revive: called while Redis is away, e.g. to start the embedded server again.
        tend: called with the task every few seconds, e.g. to see that it has a worker.
        """
        self._lookups = Lookups(namespace)
        self._logs = Logs(blocking)
        self._view = view
        self._patiently = Patience(view, revive=revive)
        self._tend = tend
        self._tended_s = time.monotonic()

    async def follow(self, task_id: "TaskId", *, start: tuple[int, str] = (0, "0")) -> "Record":
        """Return the task when it is final and all of its output was shown.

        `start` is a fence, and how far its log was shown already.
        """
        fence, after = start
        looked_at = 0.0
        record = await self._record(task_id)
        while True:
            if record.fence > fence:  # a lower one: Redis came back older, and will be told
                if fence:
                    await self._rest(task_id, fence, after)
                    self._view.attempt(record)
                fence, after = record.fence, "0"
            self._view.state(record)
            await self._see_to(record)
            if record.is_final:
                await self._rest(task_id, fence, after)
                return record
            after = await self._some(task_id, fence, after)
            if (now := time.monotonic()) - looked_at >= _LOOK_EVERY_S:
                record, looked_at = await self._record(task_id), now

    async def _record(self, task_id: "TaskId") -> "Record":
        while True:
            try:
                return await self._patiently(lambda: self._lookups.record(task_id))
            except TaskNotFound:
                if not self._patiently.is_just_back:
                    raise
            await anyio.sleep(_LOOK_EVERY_S)  # its worker makes it anew

    async def _see_to(self, record: "Record") -> None:
        if self._tend is not None and time.monotonic() - self._tended_s >= _TEND_EVERY_S:
            tend = self._tend
            await self._patiently(lambda: tend(record))
            self._tended_s = time.monotonic()

    async def _some(self, task_id: "TaskId", fence: int, after: str) -> str:
        """Show what output there is, or comes within a moment; return where it ended."""
        if not fence:
            await anyio.sleep(_LOOK_EVERY_S)
            return after
        entries, after = await self._patiently(
            lambda: self._logs.read(task_id, fence, after, block_ms=int(BLOCK_S * 1000)),
            block_s=BLOCK_S,
        )
        for entry in entries:
            self._view.output(entry)
        return after

    async def _rest(self, task_id: "TaskId", fence: int, after: str) -> None:
        """Show the output that is left of an attempt that ended."""
        while fence:
            start = after
            entries, after = await self._patiently(
                lambda start=start: self._logs.read(task_id, fence, start)  # type: ignore[misc]
            )
            if not entries:
                return
            for entry in entries:
                self._view.output(entry)
