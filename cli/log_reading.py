"""Reads the log of a task for `logs`: from Redis, else from the archive; then what comes."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from ..broker.errors import NothingSelected, SelectorError, TaskNotFound
from ..broker.logs import Logs
from ..broker.lookups import Lookups
from . import exits, loop
from .config import Settings
from .connected import connected_twice
from .follow import BLOCK_S
from .following import ended_line, follower, reviver, say_detached
from .log_wishes import Asked
from .patience import Patience
from .reading import resolve, url_of_tasks
from .render.log_view import LogView, last_lines
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.archive.archived import ArchivedTask
    from ..broker.keys import TaskId
    from ..broker.logs import LogEntry
    from ..broker.namespace import Namespace
    from ..broker.record import Record


def print_log(settings: Settings, screen: Screen, view: LogView, asked: Asked) -> int:
    """Print a log; return the exit code."""
    url = url_of_tasks(settings)
    reader = _Reader(settings, screen, view, asked)

    async def go() -> "Record":
        async with connected_twice(url, settings.namespace, block_s=BLOCK_S) as both:
            return await reader.read(*both)

    try:
        record = loop.run(go)
    except KeyboardInterrupt:
        return say_detached(reader.task_id, screen) if asked.stays else exits.INTERRUPTED
    finally:
        view.close()
    if asked.stays:
        screen.say(ended_line(record))
    return exits.of_task(record) if asked.wants_exit_code else exits.OK


class _Reader:
    """Reads one log once."""

    def __init__(self, settings: Settings, screen: Screen, view: LogView, asked: Asked) -> None:
        self._settings = settings
        self._screen = screen
        self._view = view
        self._asked = asked
        self._patiently = Patience(view, revive=reviver(settings))
        self._archived: ArchivedTask | None = None
        self._has_asked_archive = False
        self._place: dict[int, str] = {}
        self.task_id: TaskId | None = None

    async def read(self, namespace: "Namespace", blocking: "Namespace") -> "Record":
        """Print what is wanted; return the task as it was last seen."""
        record, is_live = await self._record(namespace)
        self.task_id = record.id
        self._view.state(record)
        logs = Logs(namespace) if is_live else None
        fences = self._fences(record)
        kept: list[LogEntry] = []
        for fence in fences:
            if fence != record.fence or len(fences) > 1:
                self._view.claim(fence)
            async for entry in self._entries(logs, record, fence):
                if self._asked.tail is None:
                    self._view.output(entry)
                else:
                    kept += self._view.sift(entry)
        if self._asked.tail is not None:
            self._print_tail(kept)
        if not self._asked.stays or record.is_final:
            if not record.fence:
                self._view.say_nothing(record)
            return record
        start = (record.fence, self._place.get(record.fence, "0"))
        if not record.fence:
            self._view.say_state(record)
        followed = follower(namespace, blocking, self._view, self._settings)
        return await followed.follow(record.id, start=start)

    def _print_tail(self, kept: "list[LogEntry]") -> None:
        if not self._asked.stays:
            kept += self._view.rest()
        for entry in last_lines(kept, self._asked.tail or 0):
            self._view.write(entry)

    async def _record(self, namespace: "Namespace") -> "tuple[Record, bool]":
        """Return the task, and whether it is in Redis."""
        try:
            [task_id] = await resolve(namespace, [self._asked.task])
            return await Lookups(namespace).record(task_id), True
        except (NothingSelected, TaskNotFound):
            archived = await self._in_archive(self._asked.task)
            if archived is None:
                raise
            return archived.record, False

    def _fences(self, record: "Record") -> Sequence[int]:
        """Return the claims whose logs are wanted, the first one first."""
        claim = self._asked.claim
        if claim is None:
            return [record.fence] if record.fence else []
        if claim == "all":
            return range(1, record.fence + 1)
        if claim > record.fence:
            times = "once" if record.fence == 1 else f"{record.fence} times"
            raise SelectorError(
                f"task {record.id} was never claimed: there is no log yet"
                if not record.fence
                else f"task {record.id} was claimed {times}: there is no log of claim {claim}"
            )
        return [claim]

    async def _entries(
        self, logs: Logs | None, record: "Record", fence: int
    ) -> "AsyncIterator[LogEntry]":
        """Yield what is there of one log; from the archive where Redis has it no more."""
        after, is_empty = "0", True
        while logs is not None:
            start = after
            entries, after = await self._patiently(
                lambda start=start: logs.read(record.id, fence, start)  # type: ignore[misc]
            )
            if not entries:
                break
            is_empty = False
            for entry in entries:
                yield entry
        self._place[fence] = after
        if is_empty and (record.is_final or fence < record.fence):
            archived = await self._in_archive(record.id)
            for entry in archived.log(fence) if archived else ():
                yield entry

    async def _in_archive(self, selector: str) -> "ArchivedTask | None":
        from .archived import find_archived  # only where it is needed

        if not self._has_asked_archive:
            self._archived = await find_archived(self._settings, selector, warn=self._screen.warn)
            self._has_asked_archive = True
        return self._archived
