"""Lists of tasks, newest first, in bounded steps."""

from collections.abc import AsyncIterator, Collection
from typing import Final

import msgspec

from . import keys
from .decoding import texts
from .keys import TaskId
from .namespace import Namespace
from .queues import ready_sets
from .reading import Records
from .record import Record
from .states import TaskState

MAX_SCANNED: Final = 20_000
"""Most ids that one call looks at."""
_PAGE: Final = 200

_OWNED: Final = frozenset({TaskState.QUEUED, TaskState.DELAYED, TaskState.RUNNING})
"""States whose tasks stand in an index of their own, so that few among many are found fast."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks to list; what is empty lets all pass."""

    states: Collection[TaskState] = ()
    queue: str = ""
    user: str = ""
    name: str = ""
    label: str = ""
    """`key=value`, or `key` for any value."""

    def accept(self, record: Record) -> bool:
        """Return whether a task belongs into the list."""
        key, has_value, value = self.label.partition("=")
        return (
            (not self.states or record.state in self.states)
            and self.queue in ("", record.queue)
            and self.user in ("", record.user)
            and self.name in ("", record.name)
            and (not key or key in record.labels)
            and (not has_value or record.labels.get(key) == value)
        )


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a list."""

    records: list[Record]
    """Newest first."""
    before: TaskId | None
    """Pass it to get the next page; None at the end."""
    is_truncated: bool
    """The search stopped at its bound before the page was full: there may be more."""


async def list_tasks(
    ns: Namespace,
    records: Records,
    filters: Filters,
    *,
    limit: int = 30,
    before: TaskId | None = None,
) -> Page:
    """Return the newest tasks that the filters accept, older than `before`."""
    found: list[Record] = []
    scanned = 0
    last = before
    async for ids in _pages(ns, filters, before):
        for record in await records.fetch(ids):
            if filters.accept(record):
                found.append(record)
            if len(found) > limit:  # one too many: there is a next page
                page = await records.locate(found[:limit])
                return Page(records=page, before=page[-1].id, is_truncated=False)
        scanned += len(ids)
        last = ids[-1]
        if scanned >= MAX_SCANNED:
            return Page(records=await records.locate(found), before=last, is_truncated=True)
    return Page(records=await records.locate(found), before=None, is_truncated=False)


async def _pages(
    ns: Namespace, filters: Filters, before: TaskId | None
) -> AsyncIterator[list[TaskId]]:
    """Yield candidates in pages, newest first."""
    owned = await _owned(ns, filters)
    if owned is not None:
        ids = sorted((i for i in owned if before is None or i < before), reverse=True)
        for start in range(0, len(ids), _PAGE):
            yield ids[start : start + _PAGE]
        return
    key = await _smallest_index(ns, filters)
    upper = f"({before}" if before else "+"
    while page := await ns.redis.zrevrangebylex(key, upper, "-", 0, _PAGE):
        ids = [TaskId(i) for i in texts(page)]
        yield ids
        upper = f"({ids[-1]}"


async def _owned(ns: Namespace, filters: Filters) -> set[TaskId] | None:
    """Return all tasks in the wanted states, None if they are many or can't be told apart."""
    states = set(filters.states)
    if not states or not states <= _OWNED:
        return None
    p = ns.prefix
    sets: list[str] = []
    if TaskState.RUNNING in states:
        sets.append(keys.running(p, filters.queue) if filters.queue else keys.leases(p))
    if TaskState.DELAYED in states:
        sets.append(keys.delayed(p))
    if TaskState.QUEUED in states:
        queues = [filters.queue] if filters.queue else await _queue_names(ns)
        sets += [keys.ready(p, queue, shape) for queue, shape in await ready_sets(ns, queues)]
    pipe = ns.redis.pipeline(transaction=False)
    for key in sets:
        pipe.zcard(key)
    if sum(await pipe.execute()) > MAX_SCANNED:
        return None
    for key in sets:
        pipe.zrange(key, 0, MAX_SCANNED)
    return {TaskId(i) for ids in await pipe.execute() for i in texts(ids)}


async def _smallest_index(ns: Namespace, filters: Filters) -> str:
    p = ns.prefix
    wanted = {"user": filters.user, "name": filters.name, "queue": filters.queue}
    if "=" in filters.label:
        wanted["label"] = filters.label
    fitting = [keys.index(p, field, value) for field, value in wanted.items() if value]
    fitting.append(keys.ids(p))
    pipe = ns.redis.pipeline(transaction=False)
    for key in fitting:
        pipe.zcard(key)
    sizes = await pipe.execute()
    return min(zip(sizes, fitting, strict=True))[1]


async def _queue_names(ns: Namespace) -> list[str]:
    return texts(await ns.redis.smembers(keys.queues(ns.prefix)))
