"""The table of sub-workers: what runs on workers in services mode."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .render.screen import Screen
from .render.sub_worker_text import STYLES, memory
from .render.tables import Cell, Column, print_table
from .render.times import length

if TYPE_CHECKING:
    from ..broker.presence import WorkerView
    from ..broker.sub_workers import SubWorker

_COLUMNS: Final = (
    Column("SUB-WORKER"),
    Column("STATE"),
    Column("TASK", rank=1, shrinks=True),
    Column("QUEUE", rank=5, shrinks=True),
    Column("AGE", rank=2, is_number=True),
    Column("MEMORY", rank=3, is_number=True),
    Column("LEASE", rank=4, is_number=True),
)


def print_sub_workers(
    screen: Screen, workers: Sequence["WorkerView"], found: Sequence["SubWorker"]
) -> None:
    """Print a table below the one of the workers, and how many more there are."""
    if found:
        screen.put("")
        print_table(screen, _COLUMNS, [row(each) for each in found])
    for worker in workers:
        shown = sum(each.sub_worker.startswith(f"{worker.name}/") for each in found)
        if shown and (more := len(worker.running) - shown) > 0:
            name = worker.name
            screen.say(f"... and {more} more on {name}:  rq-agent worker show {name} --all")


def row(each: "SubWorker") -> list[Cell]:
    """Return a line of the table. Pure."""
    return [
        Cell(each.sub_worker),
        Cell(each.state, STYLES.get(each.state, "")),
        Cell(each.name),
        Cell(each.queue),
        Cell("" if each.run_s is None else length(each.run_s)),
        Cell(memory(each)),
        Cell("" if each.lease_s is None else length(each.lease_s)),
    ]
