"""Two tasks side by side, or one below the other where it is narrow."""

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .groups import fitted, folded
from .screen import Screen, printable
from .tables import Cell, Column, made

if TYPE_CHECKING:
    from ...broker.comparison import Part
    from ..comparing import Comparison

_SIDE_BY_SIDE: Final = 70
_LISTED: Final = 50
_LEFT: Final = "red"
_RIGHT: Final = "green"


def print_comparison(screen: Screen, found: "Comparison") -> None:
    """Print what differs."""
    names = [f"{each.record.id} {each.record.name}" for each in (found.a, found.b)]
    if found.is_equal:
        screen.put(printable(f"{names[0]} and {names[1]}: no difference"))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if found.parts and (width is None or width >= _SIDE_BY_SIDE):
        _print_table(screen, found, names, width)
    elif found.parts:
        _print_stacked(screen, found.parts, names)
    for line in fitted(_files(found)):
        screen.put(line)
    for line in found.patch:
        screen.put(printable(line), _style(line))


def _print_table(screen: Screen, found: "Comparison", names: list[str], width: int | None) -> None:
    columns = (
        Column(""),
        Column(printable(names[0]), shrinks=True),
        Column(printable(names[1]), shrinks=True),
    )
    rows = []
    for part in found.parts:
        rows.append([Cell(part.title, "bold"), Cell(""), Cell("")])
        for row in part.rows:
            left, right = ("", "") if row.is_equal else (_LEFT, _RIGHT)
            rows.append([Cell(f"  {row.name}"), Cell(row.a, left), Cell(row.b, right)])
    table, total = made(columns, rows, width)
    console = screen.console(sys.stdout, width=total + 2)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        screen.put(line.rstrip())


def _print_stacked(screen: Screen, parts: "list[Part]", names: list[str]) -> None:
    _put(screen, f"- {names[0]}", _LEFT)
    _put(screen, f"+ {names[1]}", _RIGHT)
    for part in parts:
        screen.put(part.title)
        for row in part.rows:
            _put(screen, f"  {row.name}")
            if row.is_equal:
                _put(screen, f"      {row.a}")
                continue
            if row.a:
                _put(screen, f"    - {row.a}", _LEFT)
            if row.b:
                _put(screen, f"    + {row.b}", _RIGHT)


def _put(screen: Screen, text: str, style: str = "") -> None:
    """Print a line, wrapped below its value where it is too long."""
    width = shutil.get_terminal_size().columns
    indent = len(text) - len(text.lstrip()) + 2
    for line in folded(printable(text), width, indent=indent):
        screen.put(line, style)


def _files(found: "Comparison") -> Iterator[str]:
    if found.trouble:
        yield printable(f"files are not compared: {found.trouble}")
    if found.files is None:
        return
    told = {
        "changed": found.files.changed,
        "only in the first": found.files.removed,
        "only in the second": found.files.added,
    }
    for title, paths in told.items():
        if paths:
            yield f"files {title}"
            yield from (printable(f"  {path}") for path in paths[:_LISTED])
            if len(paths) > _LISTED:
                yield f"  ... ({len(paths)} in all)"


def _style(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "bold"
    return {"+": _RIGHT, "-": _LEFT, "@": "cyan"}.get(line[:1], "")
