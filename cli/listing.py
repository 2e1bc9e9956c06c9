"""The list of tasks: found, and shown."""

import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from ..broker.errors import UsageError
from ..broker.listing import Filters
from ..broker.lookups import Lookups
from ..broker.states import TaskState
from .config import Settings
from .reading import NOTHING_YET, look
from .render import words
from .render.records import tasks_json
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import length

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.record import Record

_COLUMNS: Final = (
    Column("ID"),
    Column("NAME", shrinks=True),
    Column("STATE", shrinks=True),
    Column("QUEUE", rank=2),
    Column("POS", rank=3, is_number=True),
    Column("WORKER", rank=4),
    Column("USER", rank=5),
    Column("TIME", rank=1, is_number=True),
)
_MOST_RUNNING: Final = 10_000
_PAGE: Final = 1_000


def filters_of(*, queue: str, states: Sequence[str], user: str, label: str) -> Filters:
    """Return what to list.

    Raises:
        UsageError: a state that is none.
    """
    return Filters(
        states=tuple(_state(name) for name in states), queue=queue, user=user, label=label
    )


def show(settings: Settings, screen: Screen, filters: Filters, *, limit: int | None) -> None:
    """Print the tasks that the filters accept; limit None: all of them."""

    async def find(namespace: "Namespace") -> "list[Record] | None":
        return await _find(Lookups(namespace), filters, limit)

    found = look(settings, find, None)
    if screen.json:
        screen.print_json(tasks_json(found or []))
    elif found:
        now_s = time.time()
        print_table(screen, _COLUMNS, [_row(record, now_s) for record in found])
    elif found is None:
        screen.say(NOTHING_YET + "; begin with:  rq-agent run script.py")
    else:
        screen.say("no such tasks; submit one with:  rq-agent submit script.py")


async def _find(lookups: Lookups, filters: Filters, limit: int | None) -> "list[Record]":
    """Return what runs, then the newest others."""
    running = frozenset({TaskState.RUNNING})
    others = frozenset(TaskState) - running
    wanted = frozenset(filters.states) or frozenset(TaskState)
    found: list[Record] = []
    if wanted & running:
        page = await lookups.list(_only(filters, running), limit=_MOST_RUNNING)
        found += page.records
    if wanted & others:
        found += await _newest(lookups, _only(filters, wanted & others), limit)
    return list({record.id: record for record in found}.values())


async def _newest(lookups: Lookups, filters: Filters, limit: int | None) -> "list[Record]":
    found: list[Record] = []
    before = None
    while limit is None or len(found) < limit:
        wanted = _PAGE if limit is None else limit - len(found)
        page = await lookups.list(filters, limit=wanted, before=before)
        found += page.records
        if (before := page.before) is None:
            break
    return found


def _only(filters: Filters, states: frozenset[TaskState]) -> Filters:
    return Filters(states=states, queue=filters.queue, user=filters.user, label=filters.label)


def _row(record: "Record", now_s: float) -> list[Cell]:
    return [
        Cell(record.id),
        Cell(record.name),
        Cell(words.short_state(record), words.STYLES.get(record.state, "")),
        Cell(record.queue),
        Cell("" if record.position is None else str(record.position)),
        Cell(record.worker or ""),
        Cell(record.user),
        Cell(_time(record, now_s)),
    ]


def _time(record: "Record", now_s: float) -> str:
    """Return how long it ran, or has waited."""
    if record.started_at is not None:
        return length((record.finished_at or now_s) - record.started_at)
    begin = record.queued_at or record.created_at
    if begin is None or record.finished_at is not None:
        return ""
    return length(now_s - begin)


def _state(name: str) -> TaskState:
    known = [state.value for state in TaskState]
    wanted = name.lower().replace("-", "_")
    if wanted in known:
        return TaskState(wanted)
    near = get_close_matches(wanted, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"--state {name}: no such state; {hint}")
