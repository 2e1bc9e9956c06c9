"""Lists of tasks, newest first, in bounded steps.

A page begins where the one before ended, by id. So a walk over all pages lists no task twice, and
misses none that was there and was accepted from its first page to its last.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from .decoding import text, texts
from .keys import TaskId
from .namespace import Namespace
from .new_task import SHORT_BYTES
from .reading import Records
from .record import Record
from .scripts import Argument
from .states import TaskState

MAX_SCANNED: Final = 20_000
"""Most ids that one page looks at."""
MAX_IDS: Final = 1_000
"""Most ids of one look."""
_BOUND: Final = 4_000
"""Ids that one call of the script looks at: a few milliseconds of the server."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks to list; what is empty lets all pass."""

    states: Collection[TaskState] = ()
    queue: str = ""
    user: str = ""
    name: str = ""
    label: str = ""
    """`key=value`, or `key` for any value."""
    worker: str = ""
    """Who runs it, or ran it last."""
    since_s: float = 0.0
    """Enqueued no earlier, Unix s; 0: whenever."""

    @property
    def are_indexed(self) -> bool:
        """Return whether ids alone tell what is accepted; else records must be looked at."""
        return not self.worker and not self.since_s

    def accept(self, record: Record) -> bool:
        """Return whether a task belongs into the list."""
        key, has_value, value = self.label.partition("=")
        return (
            (not self.states or record.state in self.states)
            and self.queue in ("", record.queue)
            and (not self.user or stored_user(self.user) == record.user)
            and self.name in ("", record.name)
            and self.worker in ("", record.worker)
            and (not self.since_s or (record.created_at or 0.0) >= self.since_s)
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


class Ids(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a list, as ids."""

    ids: list[TaskId]
    """Newest first."""
    before: TaskId | None
    """Pass it to get the next ids; None at the end. There may be less than asked for before it."""


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
    while scanned < MAX_SCANNED:
        wanted = min(limit + 1 - len(found), MAX_IDS)  # one too many: there is a next page
        some = await find(ns, filters, limit=wanted, before=last)
        accepted = [r for r in await records.fetch(some.ids) if filters.accept(r)]
        scanned += _BOUND if len(some.ids) < wanted else len(some.ids) - len(accepted)
        found += accepted
        if len(found) > limit:
            page = await records.locate(found[:limit])
            return Page(records=page, before=page[-1].id, is_truncated=False)
        last = some.before
        if last is None:
            break
    page = await records.locate(found)
    return Page(records=page, before=last, is_truncated=last is not None)


async def find(
    ns: Namespace, filters: Filters, *, limit: int = MAX_IDS, before: TaskId | None = None
) -> Ids:
    """Return the ids of the newest tasks that the filters accept, older than `before`.

    One look of a few milliseconds: it may return fewer ids than `limit`, or none, and say where
    to go on. What a task is now may differ from what it was then.
    """
    ids, upto = await ns.scripts.page(_arguments(filters, limit, before))
    return Ids(ids=[TaskId(i) for i in texts(ids)], before=TaskId(text(upto)) if upto else None)


def _arguments(filters: Filters, limit: int, before: TaskId | None) -> list[Argument]:
    fields = {"user": stored_user(filters.user), "name": filters.name, "label": filters.label}
    indices = [part for field, value in fields.items() if value for part in (field, value)]
    states = [state.value for state in filters.states]
    told = [before or "", limit, _BOUND, filters.queue, len(indices) // 2, *indices]
    return [_encoded(argument) for argument in (*told, len(states), *states)]


def _encoded(argument: str | int) -> bytes:
    """Return an argument; what a terminal could not decode names nothing."""
    return str(argument).encode("utf-8", "replace")


def stored_user(user: str) -> str:
    """Return as much of a user's name as records and indices hold."""
    return user.encode("utf-8", "replace")[:SHORT_BYTES].decode("utf-8", "ignore")
