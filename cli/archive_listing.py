"""The list of what the archive has."""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.errors import ArchiveDamaged, UsageError
from ..broker.ids import is_prefix
from ..broker.keys import TaskId
from ..broker.listing import Filters
from . import listing
from .archived import archive_of
from .config import Settings
from .render import words
from .render.footer import footer
from .render.records import tasks_json
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import clock, length

if TYPE_CHECKING:
    from ..broker.record import Record

_COLUMNS: Final = (
    Column("ID"),
    Column("NAME", shrinks=True),
    Column("STATE", shrinks=True),
    Column("QUEUE", rank=2),
    Column("USER", rank=3),
    Column("ENDED", rank=1),
    Column("TOOK", rank=4, is_number=True),
)
_NOWHERE: Final = (
    "there is no archive: name one in config.toml ([archive] location) or RQ_AGENT_ARCHIVE"
)


def filters_of(*, queue: str, states: Sequence[str], user: str, label: str, name: str) -> Filters:
    """Return what to list; raise UsageError for a state that is none."""
    filters = listing.filters_of(queue=queue, states=states, user=user, label=label)
    return msgspec.structs.replace(filters, name=name)


def show(
    settings: Settings, screen: Screen, filters: Filters, *, limit: int, before: str = ""
) -> None:
    """Print the newest archived tasks that the filters accept.

    Raises:
        UsageError: there is no archive, or `before` is no id.
        ArchiveUnavailable: it can't be read at all.
    """
    if before and not is_prefix(before):
        raise UsageError(f"--before {before}: write the id of a task")
    if not settings.archive:
        raise UsageError(_NOWHERE)
    records = _records(settings, screen, filters, limit, TaskId(before) if before else None)
    if screen.json:
        screen.print_json(tasks_json(records))
    elif records:
        print_table(screen, _COLUMNS, [_row(record) for record in records])
    else:
        screen.say(f"no such tasks in the archive {settings.archive}")
    if len(records) == limit:
        footer(screen, [f"archive ls --before {records[-1].id}"])


def _records(
    settings: Settings, screen: Screen, filters: Filters, limit: int, before: TaskId | None
) -> "list[Record]":
    found: list[Record] = []
    with closing(archive_of(settings)) as archive:
        for problem in archive.refresh():
            screen.warn(problem)
        for task_id in archive.newest(filters, limit=limit, before=before):
            try:
                task = archive.get(task_id)
            except ArchiveDamaged as e:  # the others can be shown
                screen.warn(f"task {task_id}: {e}")
                continue
            if task is not None:
                found.append(task.record)
    return found


def _row(record: "Record") -> list[Cell]:
    ended, began = record.finished_at, record.started_at
    return [
        Cell(record.id),
        Cell(record.name),
        Cell(words.short_state(record), words.STYLES.get(record.state, "")),
        Cell(record.queue),
        Cell(record.user),
        Cell(clock(ended) if ended else ""),
        Cell(length(ended - began) if ended and began else ""),
    ]
