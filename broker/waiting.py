"""Waiting for the ends of tasks: one reader of the event stream for all who wait in a process.

Events only say where to look: what is told is read from the records, for many tasks at once. So
an event that was missed (the stream is trimmed, Redis was replaced) costs one more look, and no
end is lost or made up.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NoReturn

import anyio

from . import keys, streams
from .decoding import text
from .errors import AccessDenied, BrokerUnavailable, KeyMisused, TaskNotFound
from .keys import TaskId
from .namespace import Namespace
from .results import BATCH, End, Results
from .states import FINAL

log = logging.getLogger(__name__)

BLOCK_S: Final = 5.0
"""How long one read waits for the first event."""
LOOK_AGAIN_S: Final = 60.0
"""For what no event tells: somebody may have deleted the record."""

_COUNT: Final = 1_000
_MOST_FULL: Final = 20
"""Full reads in a row after which the reader is too far behind, and looks at the records."""
_RETRY_S: Final = 1.0
_FINAL: Final = frozenset(state.value.encode() for state in FINAL)


class _Waiter:
    """All who wait for one task."""

    def __init__(self) -> None:
        self.users = 0
        self.told = anyio.Event()
        self.end: End | None = None
        self.error: Exception | None = None


class Ends:
    """Tells any number of callers when tasks end; `run` has to go on meanwhile."""

    def __init__(self, ns: Namespace, blocking: Namespace) -> None:
        """Args.

        ns: to look at records.
        blocking: the same one, on a connection of its own for reads that block for BLOCK_S.
        """
        self._results = Results(ns)
        self._redis = blocking.redis
        self._stream = keys.events(ns.prefix)
        self._waiters: dict[TaskId, _Waiter] = {}
        self._after: str | None = None
        """Last event that was read. None: nobody waited, or nobody knows."""
        self._looked_at = 0.0
        self._full_reads = 0
        self._unseen: set[TaskId] = set()
        """To be looked at; only while `_after` is known, so that nothing comes in between."""
        self._is_wanted = anyio.Event()
        self._has_unseen = anyio.Event()

    async def wait(self, task_id: TaskId) -> End:
        """Return how a task ended, once it has.

        Raises:
            TaskNotFound: there is no such task, or no longer.
            AccessDenied, KeyMisused: nobody can tell. While Redis is away, it goes on.
        """
        waiter = self._waiters.setdefault(task_id, _Waiter())
        waiter.users += 1
        if waiter.users == 1:
            self._is_wanted.set()
            if self._after is not None:
                self._look_at([task_id])
        try:
            await waiter.told.wait()
        finally:
            waiter.users -= 1
            if not waiter.users and self._waiters.get(task_id) is waiter:
                del self._waiters[task_id]
        if waiter.error is not None:
            raise waiter.error
        if waiter.end is None:
            raise TaskNotFound(task_id)
        return waiter.end

    async def run(self) -> NoReturn:
        """Read events and records for all who wait, as long as it is not cancelled."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._keep, self._follow)
                group.start_soon(self._keep, self._look)
        finally:
            closed = BrokerUnavailable("nobody listens for the ends of tasks any more")
            for task_id in list(self._waiters):
                self._tell(task_id, None, closed)
        raise AssertionError("both go on for ever")

    async def _keep(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except (AccessDenied, KeyMisused) as e:
                for task_id in list(self._waiters):
                    self._tell(task_id, None, e)
            except BrokerUnavailable as e:
                log.warning("waiting for tasks to end: %s; next try in %.0f s", e, _RETRY_S)
                await anyio.sleep(_RETRY_S)

    async def _follow(self) -> None:
        """Read events once, and note which of the tasks have ended."""
        if not self._waiters:
            self._after, self._is_wanted = None, anyio.Event()
            await self._is_wanted.wait()
        if self._after is None:
            self._after = await streams.last_id(self._redis, self._stream)
            self._look_at_all()
        try:
            entries = await streams.read(
                self._redis, self._stream, self._after, count=_COUNT, block_ms=int(BLOCK_S * 1000)
            )
        except BrokerUnavailable:
            self._after = None  # redis may come back older: its events say nothing then
            raise
        if len(entries) == _COUNT and await self._is_behind():
            self._after = None  # look at all that is waited for, and go on from now
            return
        if entries:
            self._after = text(entries[-1][0])
        ended = (TaskId(text(event.get(b"id", b""))) for _, event in entries if _is_end(event))
        self._look_at(task_id for task_id in ended if task_id in self._waiters)
        self._full_reads = self._full_reads + 1 if len(entries) == _COUNT else 0
        if anyio.current_time() > self._looked_at + LOOK_AGAIN_S:
            self._look_at_all()

    async def _is_behind(self) -> bool:
        """Return whether events were trimmed before they were read, or soon will be."""
        if self._full_reads >= _MOST_FULL:
            self._full_reads = 0
            return True
        oldest: Any = await self._redis.xrange(self._stream, count=1)
        after = self._after or streams.START
        return bool(oldest) and streams.place(text(oldest[0][0])) > streams.place(after)

    def _look_at_all(self) -> None:
        self._looked_at = anyio.current_time()
        self._look_at(self._waiters)

    def _look_at(self, ids: Iterable[TaskId]) -> None:
        self._unseen.update(ids)
        if self._unseen:
            self._has_unseen.set()

    async def _look(self) -> None:
        """Read some records, and tell those who wait for tasks that ended."""
        if not self._unseen:
            self._has_unseen = anyio.Event()
            await self._has_unseen.wait()
        ids = [self._unseen.pop() for _ in range(min(BATCH, len(self._unseen)))]
        try:
            ends = await self._results.read_many(ids)
        except BrokerUnavailable:
            self._unseen.update(ids)
            raise
        for task_id, end in zip(ids, ends, strict=True):
            if end is None or end.is_final:
                self._tell(task_id, end)

    def _tell(self, task_id: TaskId, end: End | None, error: Exception | None = None) -> None:
        waiter = self._waiters.pop(task_id, None)
        if waiter is not None:
            waiter.end, waiter.error = end, error
            waiter.told.set()


def _is_end(event: Mapping[bytes, bytes]) -> bool:
    return event.get(b"state") in _FINAL or event.get(b"event") == b"removed"
