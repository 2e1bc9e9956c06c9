"""The list of tasks: found, and shown."""

import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.errors import UsageError
from ..broker.listing import Filters
from ..broker.lookups import Lookups
from ..broker.states import TaskState
from . import identity, values
from .config import Settings
from .reading import NOTHING_YET, look
from .render import task_columns
from .render.footer import footer
from .render.records import tasks_json
from .render.screen import Screen
from .render.tables import Cell, Column, print_table

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.record import Record

_MOST_RUNNING: Final = 10_000
SHOWN_RUNNING: Final = 200
"""Of those that run, beside others: a worker in services mode runs thousands."""
_PAGE: Final = 1_000
_HELP: Final = (Column("COLUMN"), Column("WHAT", shrinks=True))
LEAST_S: Final = 0.1
"""Closer looks are work for Redis, and nobody sees them."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks, and how they are shown."""

    filters: Filters = Filters()
    limit: int | None = 30
    """Of those that don't run; None: all."""
    running: int = _MOST_RUNNING
    """At most so many that run."""
    columns: Sequence[str] = task_columns.USUAL
    order: tuple[str, bool] | None = None
    """Column, and whether the last one stands first; None: what runs, then the newest."""


def filters_of(
    *,
    queue: str,
    states: Sequence[str],
    user: str,
    label: str,
    name: str = "",
    worker: str = "",
    is_mine: bool = False,
) -> Filters:
    """Return what to list.

    Raises:
        UsageError: a state that is none, or two users.
    """
    if is_mine and user:
        raise UsageError("--mine and --user both say whose tasks: leave one of them out")
    values.check_names(queue=queue, label=label, worker=worker)
    return Filters(
        states=tuple(_state(each) for each in states),
        queue=queue,
        user=identity.user_name() if is_mine else user,
        label=label,
        name=name,
        worker=worker,
    )


def bounded(listed: Listed) -> Listed:
    """Return what a person reads of it: what runs stands before the others, in thousands."""
    if listed.limit is None or TaskState.RUNNING in listed.filters.states:
        return listed
    return msgspec.structs.replace(listed, running=SHOWN_RUNNING)


def show(settings: Settings, screen: Screen, listed: Listed) -> None:
    """Print tasks."""

    async def go(namespace: "Namespace") -> "tuple[list[Record] | None, str]":
        found = await find(Lookups(namespace), listed)
        if found or screen.json or listed.filters == Filters():
            return found, ""
        from .near import hint  # only where something was mistyped

        return found, await hint(namespace, listed.filters)

    nothing: tuple[list[Record] | None, str] = (None, "")
    found, nearest = look(settings, go, nothing)
    if screen.json:
        screen.print_json(tasks_json(found or []))
    elif found:
        print_tasks(screen, found, listed)
    elif found is None:
        screen.say(NOTHING_YET + "; begin with:  rq-agent run script.py")
    else:
        screen.say(nearest or "no such tasks; submit one with:  rq-agent submit script.py")


def show_columns(screen: Screen) -> None:
    """Print what columns there are."""
    columns = task_columns.COLUMNS
    if screen.json:
        screen.print_json(
            {"schema": 1, "columns": {name: each.help for name, each in columns.items()}}
        )
        return
    print_table(screen, _HELP, [[Cell(name), Cell(each.help)] for name, each in columns.items()])


def print_tasks(screen: Screen, found: "Sequence[Record]", listed: Listed) -> None:
    """Print a table of tasks."""
    now_s = time.time()
    print_table(
        screen,
        task_columns.columns_of(listed.columns),
        [task_columns.row(record, listed.columns, now_s) for record in found],
    )
    others = [record for record in found if record.state != TaskState.RUNNING]
    steps = []
    if len(found) - len(others) >= listed.running:
        steps.append("ps --state running")
    if listed.limit is not None and len(others) >= listed.limit:
        steps.append("ps --all")
    if steps:
        footer(screen, steps)


async def find(lookups: Lookups, listed: Listed) -> "list[Record]":
    """Return the tasks in the order that they are shown in."""
    found = await _find(lookups, listed)
    return task_columns.sorted_by(found, listed.order, time.time()) if listed.order else found


async def _find(lookups: Lookups, listed: Listed) -> "list[Record]":
    """Return what runs, then the newest others."""
    filters = listed.filters
    running = frozenset({TaskState.RUNNING})
    others = frozenset(TaskState) - running
    wanted = frozenset(filters.states) or frozenset(TaskState)
    found: list[Record] = []
    if wanted & running:
        page = await lookups.list(_only(filters, running), limit=listed.running)
        found += page.records
    if wanted & others:
        found += await _newest(lookups, _only(filters, wanted & others), listed.limit)
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
    return msgspec.structs.replace(filters, states=states)


def _state(name: str) -> TaskState:
    known = [state.value for state in TaskState]
    wanted = name.lower().replace("-", "_")
    if wanted in known:
        return TaskState(wanted)
    near = get_close_matches(wanted, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"--state {name}: no such state; {hint}")
