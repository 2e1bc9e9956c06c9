"""The tasks that a command is about to change: some of them, and how many there are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from . import words
from .tables import Cell, Column, print_table

if TYPE_CHECKING:
    from ...broker.record import Record
    from .screen import Screen

SHOWN: Final = 10
"""Tasks in a preview."""
_COLUMNS: Final = (
    Column("ID"),
    Column("NAME", shrinks=True),
    Column("STATE", shrinks=True),
    Column("QUEUE", rank=1),
    Column("USER", rank=2),
)


def preview(screen: "Screen", records: "Sequence[Record]", found: int, what: str) -> None:
    """Show the first tasks on stdout, and say how many there are and what would become of them."""
    if screen.json:
        screen.print_json({"schema": 1, "matching": found, "tasks": [_plain(r) for r in records]})
        return
    if records:
        print_table(screen, _COLUMNS, [_row(record) for record in records])
    more = f"; the {len(records)} oldest are shown" if found > len(records) else ""
    screen.say(f"{found} {'task' if found == 1 else 'tasks'} to {what}{more}")


def _row(record: "Record") -> list[Cell]:
    return [
        Cell(record.id),
        Cell(record.name),
        Cell(words.short_state(record), words.STYLES.get(record.state, "")),
        Cell(record.queue),
        Cell(record.user),
    ]


def _plain(record: "Record") -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "queue": record.queue,
        "user": record.user,
    }
