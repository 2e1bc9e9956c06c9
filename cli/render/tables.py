"""Tables: aligned, never wrapped; a narrow terminal loses the least important columns."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from .screen import Screen, printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_GAP: Final = 2
_SHORTEST: Final = 12
"""A column that shrinks keeps so many characters as long as others can go."""
_LEAST: Final = 6
"""And so many where it is narrower still."""
_CUT: Final = "..."
_MANY: Final = 500
"""More rows are printed without colours: rich takes half a millisecond for each."""


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
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if len(rows) > _MANY:
        for line in plain(columns, rows, limit):
            screen.put(line)
        return
    table, width = made(columns, rows, limit)
    console = screen.console(sys.stdout, width=width + _GAP)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        screen.put(line.rstrip())


def made(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], limit: int | None
) -> "tuple[Table, int]":
    """Return rows below their titles, within a width, and the width that they take."""
    clean, kept, widths = _laid_out(columns, rows, limit)
    table = _table([columns[n] for n in kept])
    for row in clean:
        table.add_row(*(_text(row[n], widths[n]) for n in kept))
    return table, _total(widths, kept)


def plain(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], limit: int | None
) -> Iterator[str]:
    """Yield the titles and the rows as lines, without colours."""
    clean, kept, widths = _laid_out(columns, rows, limit)
    titles = [Cell(column.title) for column in columns]
    gap = " " * _GAP
    for row in (titles, *clean):
        cells = (_padded(row[n].text, widths[n], columns[n]) for n in kept)
        yield gap.join(cells).rstrip()


def _laid_out(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], limit: int | None
) -> tuple[list[list[Cell]], list[int], Sequence[int]]:
    """Return the rows without what steers terminals, the columns that stay, and all widths."""
    from rich.cells import cell_len

    clean = [[Cell(printable(cell.text), cell.style) for cell in row] for row in rows]
    widths = [
        max(cell_len(text) for text in (column.title, *(row[n].text for row in clean)))
        for n, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    if limit is not None:
        kept = fitting(columns, widths, limit)
        widths = shrunk(columns, widths, kept, limit)
    return clean, kept, widths


def fitting(columns: Sequence[Column], widths: Sequence[int], limit: int) -> list[int]:
    """Return which columns fit into a width, in their order. Pure."""
    least = [
        min(width, _SHORTEST) if column.shrinks else width
        for column, width in zip(columns, widths, strict=True)
    ]
    kept = list(range(len(columns)))
    while _total(least, kept) > limit and (optional := [n for n in kept if columns[n].rank]):
        kept.remove(max(optional, key=lambda n: columns[n].rank))
    return kept


def shrunk(
    columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int], limit: int
) -> list[int]:
    """Return the widths, with the columns that may shrink cut until a line fits. Pure."""
    fitted = list(widths)
    for shortest in (_SHORTEST, _LEAST):
        while _total(fitted, kept) > limit:
            wide = [n for n in kept if columns[n].shrinks and fitted[n] > shortest]
            if not wide:
                break
            fitted[max(wide, key=lambda n: fitted[n])] -= 1
    return fitted


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[n] for n in kept) + _GAP * (len(kept) - 1)


def _table(columns: Sequence[Column]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=True,
        )
    return table


def _text(cell: Cell, width: int) -> "Text":
    from rich.text import Text

    return Text(_cut(cell.text, width), style=cell.style)


def _padded(text: str, width: int, column: Column) -> str:
    from rich.cells import cell_len

    text = _cut(text, width)
    spaces = " " * (width - cell_len(text))
    return spaces + text if column.is_number else text + spaces


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - len(_CUT)) + _CUT
