"""Shows what a run measured: tables for people, JSON for the next comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from .figure import Figure
from .goals import Row

_FILE_COLUMNS: Final = 150


def show(figures: Sequence[Figure], rows: Sequence[Row], settings: Mapping[str, str]) -> None:
    """Print settings, figures and goals on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_COLUMNS)
    for name, value in settings.items():
        console.print(f"{name}: {value}", highlight=False, markup=False)
    for part in dict.fromkeys(figure.id.split(".")[0] for figure in figures):
        console.print(_figures(part, [f for f in figures if f.id.split(".")[0] == part]))
    console.print(_goals(rows))


def write(
    path: Path, figures: Sequence[Figure], rows: Sequence[Row], settings: Mapping[str, str]
) -> None:
    """Write all of it as JSON."""
    content: dict[str, Any] = {
        "schema": 1,
        "settings": dict(settings),
        "figures": [
            {
                **msgspec.to_builtins(figure),
                "median": figure.median,
                "min": min(figure.values),
                "max": max(figure.values),
            }
            for figure in figures
        ],
        "goals": [msgspec.to_builtins(row) for row in rows],
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def _figures(part: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=part, title_justify="left")
    table.add_column("what", overflow="fold")
    for name in ("median", "min", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("n", justify="right")
    table.add_column("note", overflow="fold")
    for figure in figures:
        numbers = (figure.median, min(figure.values), max(figure.values))
        cells = [f"{number:,.0f}" if number >= 1_000 else f"{number:.3g}" for number in numbers]
        table.add_row(figure.title, *cells, figure.unit, str(len(figure.values)), figure.note)
    return table


def _goals(rows: Sequence[Row]) -> Table:
    table = Table(title="goals (medians over the repeats)", title_justify="left")
    table.add_column("what", overflow="fold")
    for name in ("goal", "measured"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        verdict = "[green]met[/green]" if row.is_met else "[red]not met[/red]"
        table.add_row(row.what, row.goal, row.measured, verdict)
    return table
