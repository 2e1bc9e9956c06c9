"""Waits for tasks to start, or to end: told by their events, so that nothing is asked twice."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import anyio
import msgspec

from ..broker.errors import NothingSelected, TaskNotFound, UsageError
from ..broker.lookups import Lookups
from ..broker.states import TaskState
from . import exits, loop, values
from .config import Settings
from .connected import connected_twice
from .following import ended_line, reviver
from .news import BLOCK_S, News
from .patience import Aloud, Patience
from .reading import resolve, url_of_tasks
from .render import words
from .render.records import task_json, tasks_json
from .render.screen import Screen
from .render.times import length
from .standby import someone_listens

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace
    from ..broker.needs import Need
    from ..broker.record import Record

_LOOK_EVERY_S: Final = 15.0
"""Events tell; that often it looks all the same, should one have been passed over."""

_FOR: Final = ("started", "finished")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to wait for."""

    until: Literal["started", "finished"] = "finished"
    is_any: bool = False
    """The first of them is enough."""
    limit_s: float | None = None

    def is_met(self, record: "Record") -> bool:
        """Return whether a task is as far as it is waited for, or will never be."""
        has_started = self.until == "started" and record.started_at is not None
        return record.is_final or has_started


def wanted(*, until: str, is_any: bool, timeout: str) -> Wanted:
    """Return what the options say; raise UsageError for what makes no sense."""
    if until not in _FOR:
        raise UsageError(f"--for {until}: say {' or '.join(_FOR)}")
    limit_s = values.duration_s(timeout, "--timeout") if timeout else None
    return Wanted(
        until="started" if until == "started" else "finished", is_any=is_any, limit_s=limit_s
    )


def wait_for(settings: Settings, screen: Screen, selectors: Sequence[str], wish: Wanted) -> int:
    """Wait, say what became of each task, and return the exit code."""
    url = url_of_tasks(settings)
    waiter = _Waiter(settings, screen, wish)

    async def go() -> None:
        async with connected_twice(url, settings.namespace, block_s=BLOCK_S) as both:
            await waiter.wait(*both, selectors)

    try:
        loop.run(go)
    except KeyboardInterrupt:
        waiter.say_left()
        return exits.INTERRUPTED
    return waiter.result()


def exit_code(records: "Sequence[Record]", wish: Wanted) -> int:
    """Return the code of one task, or whether all of several are as they should be. Pure."""
    codes = [_code(record, wish) for record in records]
    return codes[0] if len(codes) == 1 else exits.FAILED if any(codes) else exits.OK


def _code(record: "Record", wish: Wanted) -> int:
    has_started = wish.until == "started" and record.started_at is not None
    return exits.OK if has_started else exits.of_task(record)


class _Waiter:
    """The tasks that are waited for, and those that are there already."""

    def __init__(self, settings: Settings, screen: Screen, wish: Wanted) -> None:
        self._settings = settings
        self._screen = screen
        self._wish = wish
        self._aloud = Aloud(screen)
        self._ids: list[TaskId] = []
        self._met: dict[TaskId, Record] = {}

    async def wait(
        self, namespace: "Namespace", blocking: "Namespace", selectors: Sequence[str]
    ) -> None:
        """Return when the tasks are as wanted, or the time is over."""
        for selector in selectors:
            await self._find(namespace, selector)
        with anyio.move_on_after(self._wish.limit_s):
            await self._warn_of_silence(namespace)
            await self._watch(namespace, blocking)

    async def _warn_of_silence(self, namespace: "Namespace") -> None:
        """Say for which tasks nobody is there: one might wait for them forever."""
        listening: dict[tuple[str, Need], bool] = {}
        for record in await Lookups(namespace).records(self._missing()):
            place = (record.queue, record.needs)
            if record.state != TaskState.QUEUED or place in listening:
                continue
            listening[place] = await someone_listens(namespace, *place)
            if not listening[place]:
                self._screen.warn(f"no worker takes it now; see:  rq-agent why {record.id}")

    def result(self) -> int:
        """Print what scripts want to know; return the exit code."""
        records = [self._met[task_id] for task_id in self._ids if task_id in self._met]
        if self._wish.is_any:
            records = records[:1]
        if self._screen.json:
            is_one = len(records) == 1 and (self._wish.is_any or len(self._ids) == 1)
            self._screen.print_json(task_json(records[0]) if is_one else tasks_json(records))
        missing = len(self._ids) - len(self._met)
        if missing and not (self._wish.is_any and records):
            verb = "ended" if self._wish.until == "finished" else "started"
            self._screen.say(
                f"{missing} of {len(self._ids)} tasks have not {verb}"
                f" in {length(self._wish.limit_s or 0)}"
            )
            return exits.TIMED_OUT
        return exit_code(records, self._wish)

    def say_left(self) -> None:
        """Say that Ctrl-C ended the waiting, not the tasks."""
        left = [task_id for task_id in self._ids if task_id not in self._met]
        goes_on = "the task goes on" if len(left) == 1 else f"{len(left)} tasks go on"
        self._screen.say(f"\nno longer waiting; {goes_on}")
        for verb in ("wait", "cancel"):
            self._screen.say(f"  rq-agent {verb} {' '.join(left[:3])}")

    async def _find(self, namespace: "Namespace", selector: str) -> None:
        """Add the task that is meant; one in the archive has ended long ago."""
        try:
            found = await resolve(namespace, [selector])
        except NothingSelected:
            if (record := await self._archived(selector)) is None:
                raise
            found = [record.id]
            self._note(record)
        self._ids += [task_id for task_id in found if task_id not in self._ids]

    async def _watch(self, namespace: "Namespace", blocking: "Namespace") -> None:
        patiently = Patience(self._aloud, revive=reviver(self._settings))
        news = News(blocking, patiently)
        await news.start()
        due, looked_at = self._missing(), anyio.current_time()
        while True:
            if due:
                await self._look(patiently, namespace, due)
            if not (missing := self._missing()):
                return
            told = {event.task_id for event in await news.next()}
            now = anyio.current_time()
            is_late = news.has_skipped or now - looked_at >= _LOOK_EVERY_S
            looked_at = now if is_late else looked_at
            due = [task_id for task_id in missing if is_late or task_id in told]

    def _missing(self) -> "list[TaskId]":
        """Return which tasks are still to be waited for."""
        if self._wish.is_any and self._met:
            return []
        return [task_id for task_id in self._ids if task_id not in self._met]

    async def _look(
        self, patiently: Patience, namespace: "Namespace", ids: "Sequence[TaskId]"
    ) -> None:
        records = await patiently(lambda: Lookups(namespace).records(ids))
        for task_id in set(ids) - {record.id for record in records}:
            if (gone := await self._archived(task_id)) is not None:
                records.append(gone)
            elif not patiently.is_just_back:  # then its worker may make it anew
                raise TaskNotFound(task_id)  # it was purged, and there is no archive
        for record in records:
            if self._wish.is_met(record):
                self._note(record)

    async def _archived(self, selector: str) -> "Record | None":
        from .archived import find_archived  # only where it is needed

        task = await find_archived(self._settings, selector, warn=self._screen.warn)
        return task.record if task else None

    def _note(self, record: "Record") -> None:
        self._met[record.id] = record
        line = ended_line(record) if record.is_final else f"task {record.id} {words.state(record)}"
        self._screen.say(line)
