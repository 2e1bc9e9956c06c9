"""Tables: aligned, never wrapped; a narrow terminal loses the least important columns."""

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .screen import Screen, printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_GAP = 2


class Column(NamedTuple):
    """One column."""

    title: str
    rank: int = 0
    """0 always stays; of the others the highest goes first."""
    is_number: bool = False
    shrinks: bool = False
    """May be cut short before columns go."""


class Cell(NamedTuple):
    """What stands in it, and in which style of rich."""

    text: str
    style: str = ""


def print_table(screen: Screen, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows below their titles on stdout."""
    from rich.cells import cell_len

    clean = [[Cell(printable(cell.text), cell.style) for cell in row] for row in rows]
    widths = [
        max(cell_len(text) for text in (column.title, *(row[n].text for row in clean)))
        for n, column in enumerate(columns)
    ]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    kept = range(len(columns)) if limit is None else fitting(columns, widths, limit)
    table = _table([columns[n] for n in kept])
    for row in clean:
        table.add_row(*(_text(row[n]) for n in kept))
    whole = sum(widths[n] for n in kept) + _GAP * len(kept)
    console = screen.console(sys.stdout, width=whole if limit is None else min(whole, limit))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        screen.put(line.rstrip())


def fitting(columns: Sequence[Column], widths: Sequence[int], limit: int) -> list[int]:
    """Return which columns fit into a width, in their order. Pure."""
    kept = list(range(len(columns)))

    def needed() -> int:
        smallest = [min(widths[n], _SHORTEST) if columns[n].shrinks else widths[n] for n in kept]
        return sum(smallest) + _GAP * (len(kept) - 1)

    while needed() > limit:
        optional = [n for n in kept if columns[n].rank]
        if not optional:
            break
        kept.remove(max(optional, key=lambda n: columns[n].rank))
    return kept


_SHORTEST = 12
"""A column that shrinks keeps so many characters."""


def _table(columns: Sequence[Column]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if column.shrinks else len(column.title),
        )
    return table


def _text(cell: Cell) -> "Text":
    from rich.text import Text

    return Text(cell.text, style=cell.style)
