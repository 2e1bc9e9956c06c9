"""How many tasks a filter accepts, where the sizes of indices tell it."""

from collections.abc import Sequence
from typing import Final

from . import keys
from .keys import Prefix
from .listing import Filters, stored_user
from .namespace import Namespace
from .queues import queue_names, ready_sets
from .replies import kept
from .states import TaskState

_OWNED: Final = frozenset({TaskState.QUEUED, TaskState.DELAYED, TaskState.RUNNING})
"""States without an index by state: another one owns their tasks."""
_OF_QUEUES: Final = frozenset({TaskState.QUEUED, TaskState.RUNNING})
"""States that have an index for each queue."""


async def count_tasks(ns: Namespace, filters: Filters) -> int | None:
    """Return how many tasks the filters accept; None where only a search would tell."""
    if not filters.are_indexed:
        return None
    states = frozenset(filters.states)
    if states == frozenset(TaskState):
        states = frozenset()
    if (sets := _sets(ns.prefix, filters, states)) is None:
        return None
    pipe = ns.redis.pipeline(transaction=False)
    for key in sets:
        pipe.zcard(key)
    count = sum(kept(reply, 0) for reply in await pipe.execute(raise_on_error=False))
    if TaskState.QUEUED in states:
        names = [filters.queue] if filters.queue else await queue_names(ns)
        count += sum((await ready_sets(ns, names)).values())
    return count


def _sets(p: Prefix, filters: Filters, states: frozenset[TaskState]) -> Sequence[str] | None:
    """Return the sets, but for the ready ones, whose sizes add up; None if there are none."""
    fields = {"user": stored_user(filters.user), "name": filters.name, "label": filters.label}
    named = [keys.index(p, field, value) for field, value in fields.items() if value]
    if states and named:
        return None
    if not states:
        named += [keys.index(p, "queue", filters.queue)] if filters.queue else []
        return (named or [keys.ids(p)]) if len(named) < 2 else None
    if filters.queue and not states <= _OF_QUEUES:
        return None
    sets = [keys.index(p, "state", state) for state in states - _OWNED]
    if TaskState.DELAYED in states:
        sets.append(keys.delayed(p))
    if TaskState.RUNNING in states:
        sets.append(keys.running(p, filters.queue) if filters.queue else keys.leases(p))
    return sets
