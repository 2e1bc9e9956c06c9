"""One verb for all tasks that a filter accepts, in steps that can be taken up again.

The ids are read first, then handled from the oldest on: a verb that changes what the filter looks
at skips none and meets none twice, and drafts are enqueued in the order in which they were made.
Each step looks at its tasks once more: what a filter does not accept any more is left alone.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import msgspec

from .answers import Answer
from .ids import first_of
from .keys import TaskId
from .listing import Filters, find
from .namespace import Namespace
from .reading import Records
from .verbs import Verb

STEP: Final = 200
"""Tasks in one round trip."""
_CLOCKS_MS: Final = 3_600_000
"""So far may the clock of who made an id be behind that of Redis."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is after one step."""

    after: TaskId
    """The last task that was handled: a later call goes on behind it."""
    done: int
    total: int
    """How many there were to handle."""
    counts: Mapping[str, int]
    """Answers of all steps, by their kind."""
    answers: Sequence[Answer]
    """Those of this step."""


async def matching(ns: Namespace, filters: Filters, *, after: TaskId | None = None) -> list[TaskId]:
    """Return the ids of all tasks that the filters accept, oldest first; those behind `after`."""
    found: list[TaskId] = []
    before: TaskId | None = None
    first = first_of(int(filters.since_s * 1000) - _CLOCKS_MS)
    after = max(after or first, first)
    while True:
        some = await find(ns, filters, before=before)
        found += await _accepted(ns, filters, [i for i in some.ids if i > after])
        before = some.before
        if before is None or before <= after:
            return found[::-1]


async def _accepted(ns: Namespace, filters: Filters, ids: list[TaskId]) -> list[TaskId]:
    """Return those of the ids, which the indices gave, that the filters accept."""
    if filters.are_indexed or not ids:
        return ids
    return [r.id for r in await Records(ns).fetch(ids) if filters.accept(r)]


async def apply(
    ns: Namespace, verb: Verb, filters: Filters, *, after: TaskId | None = None
) -> AsyncGenerator[Progress, None]:
    """Do it with all tasks that the filters accept now, and tell of each step of up to 200.

    Stopped at any point, or broken off by an error, it has handled a task as a whole or not at
    all. Called again, with the `after` of the last progress or without, it does the rest.

    Args:
        ns: where.
        verb: what, see verbs.py.
        filters: with which tasks.
        after: where to go on; None: from the beginning.
    """
    ids = await matching(ns, filters, after=after)
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), STEP):
        part = ids[start : start + STEP]
        answers = await _step(ns, verb, filters, part)
        counts.update(answer.kind for answer in answers)
        yield Progress(
            after=part[-1],
            done=start + len(part),
            total=len(ids),
            counts=dict(counts),
            answers=answers,
        )


async def _step(ns: Namespace, verb: Verb, filters: Filters, ids: Sequence[TaskId]) -> list[Answer]:
    """Return an answer for each of the tasks; `unmatched`: not one of them any more."""
    records = {record.id: record for record in await Records(ns).fetch(ids)}
    wanted = [i for i in ids if i in records and filters.accept(records[i])]
    done = {answer.id: answer for answer in (await verb(wanted) if wanted else [])}
    return [done.get(i, Answer(i, "unmatched" if i in records else "missing")) for i in ids]
