"""Finding tasks: by id, by what a person typed, in lists."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from . import keys
from .counting import count_tasks
from .decoding import text, texts
from .errors import NothingSelected, SelectorError, TaskNotFound
from .ids import LENGTH, is_prefix
from .keys import TaskId
from .listing import Filters, Page, list_tasks, stored_user
from .namespace import Namespace
from .queues import QueueView, list_queues
from .reading import Records
from .record import Record
from .why import Why, explain
from .why_facts import read

_SHOWN: Final = 5
"""How many matches an error names."""
_RECENT: Final = 50
"""How many tasks near names are looked for in."""

_ALL: Final = Filters()


class Lookups:
    """Reads what `ps`, `show`, `queue ls` and selectors need. Changes nothing."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._records = Records(ns)

    async def record(self, task_id: TaskId) -> Record:
        """Return one task, with its place in the queue.

        Raises:
            TaskNotFound: there is none of this id.
        """
        found = await self.records([task_id])
        if not found:
            raise TaskNotFound(task_id)
        return found[0]

    async def records(self, ids: Sequence[TaskId]) -> list[Record]:
        """Return those of the tasks that exist, in the order of the ids."""
        return await self._records.locate(await self._records.fetch(ids))

    async def why(self, task_id: TaskId) -> Why:
        """Return what keeps a task from running just now.

        Raises:
            TaskNotFound: there is none of this id.
        """
        facts = read(task_id, await self._ns.scripts.why([task_id]))
        if facts is None:
            raise TaskNotFound(task_id)
        return explain(facts)

    async def queues(self) -> list[QueueView]:
        """Return all queues, sorted by name."""
        return await list_queues(self._ns)

    async def resolve(self, selector: str, *, user: str | None = None) -> TaskId:
        """Return the task that a person means.

        Args:
            selector: `last`, an id, the beginning of one, a name (its newest task), or an id or
                its beginning behind the worker that runs it, as in `box/01m7yz1jf`.
            user: whose newest task `last` is; None: anyone's.

        Raises:
            SelectorError: it fits no task, or the beginnings of several ids.
        """
        if selector == "last":
            return await self._last(user)
        matches = await self._by_prefix(selector)
        if len(matches) == 1:
            return matches[0]
        if named := await self._newest(keys.index(self._ns.prefix, "name", selector)):
            return named
        if matches:
            raise SelectorError(_ambiguous(selector, matches))
        worker, slash, task = selector.rpartition("/")
        if slash and keys.NAME_PATTERN.fullmatch(worker) and task:
            return await self._sub_worker(worker, task)
        raise NothingSelected(await self._not_found(selector))

    async def list(
        self, filters: Filters = _ALL, *, limit: int = 30, before: TaskId | None = None
    ) -> Page:
        """Return the newest tasks that the filters accept, older than `before`."""
        return await list_tasks(self._ns, self._records, filters, limit=limit, before=before)

    async def count(self, filters: Filters = _ALL) -> int | None:
        """Return how many tasks the filters accept; None where only a search would tell."""
        return await count_tasks(self._ns, filters)

    async def _sub_worker(self, worker: str, task: str) -> TaskId:
        """Return a task of a worker, which runs it or ran it last."""
        matches = await self._by_prefix(task)
        if len(matches) > _SHOWN:
            raise SelectorError(_ambiguous(task, matches))
        records = [r for r in await self._records.fetch(matches) if r.worker == worker]
        if len(records) == 1:
            return records[0].id
        if records:
            raise SelectorError(_ambiguous(task, [record.id for record in records]))
        raise NothingSelected(
            f"no task of worker {worker} has the id {task!r}; see rq-agent worker show {worker}"
        )

    async def _last(self, user: str | None) -> TaskId:
        p = self._ns.prefix
        newest = await self._newest(
            keys.index(p, "user", stored_user(user)) if user else keys.ids(p)
        )
        if newest is None:
            whose = f" of user {user}" if user else ""
            raise NothingSelected(f"last: there is no task{whose} yet; submit one first")
        return newest

    async def _newest(self, key: str) -> TaskId | None:
        found = await self._ns.redis.zrevrangebylex(key, "+", "-", 0, 1)
        return TaskId(text(found[0])) if found else None

    async def _by_prefix(self, text: str) -> Sequence[TaskId]:
        """Return up to one more id than an error shows."""
        if not is_prefix(text):
            return []
        found = await self._ns.redis.zrangebylex(
            keys.ids(self._ns.prefix), f"[{text}", f"({text}~", 0, _SHOWN + 1
        )
        return [TaskId(i) for i in texts(found)]

    async def _not_found(self, selector: str) -> str:
        if len(selector) == LENGTH and is_prefix(selector):
            return f"no task has the id {selector}; it may have been purged"
        recent = await self._ns.redis.zrevrangebylex(
            keys.ids(self._ns.prefix), "+", "-", 0, _RECENT
        )
        names = {r.name for r in await self._records.fetch([TaskId(i) for i in texts(recent)])}
        near = get_close_matches(selector, sorted(names), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see rq-agent ps --all"
        return f"no task has the id or the name {selector!r}; {hint}"


def _ambiguous(prefix: str, matches: Sequence[TaskId]) -> str:
    shown = ", ".join(matches[:_SHOWN])
    more = ", ..." if len(matches) > _SHOWN else ""
    return f"{prefix} is the beginning of several ids: {shown}{more}; type more of it"
