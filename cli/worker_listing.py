"""The list of workers."""

import time
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.presence import Workers
from .reading import look
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import length, weekday
from .worker_picking import accepts, check_filter, hint

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.presence import WorkerView
    from .config import Settings
    from .worker_options import WorkerFilter

_COLUMNS: Final = (
    Column("WORKER"),
    Column("STATE"),
    Column("QUEUES", rank=1, shrinks=True),
    Column("MODE", rank=6),
    Column("RUNNING", is_number=True),
    Column("SLOTS", rank=2, is_number=True),
    Column("GPUS", rank=3, is_number=True),
    Column("CPU", rank=8, is_number=True),
    Column("LABELS", rank=5, shrinks=True),
    Column("HOST", rank=4),
    Column("BEAT", rank=7, is_number=True),
)
_STYLES: Final = {
    "busy": "cyan",
    "draining": "yellow",
    "paused": "yellow",
    "off-hours": "dim",
    "disk-full": "red",
    "gone": "red",
}


def show_workers(
    settings: "Settings", screen: Screen, wanted: "WorkerFilter", *, with_gone: bool
) -> None:
    """Print workers.

    Args:
        settings: of the command.
        screen: to print on.
        wanted: which.
        with_gone: also those that fell silent a while ago.
    """
    check_filter(wanted)

    async def find(namespace: "Namespace") -> "list[WorkerView] | None":
        live = await Workers(namespace).live()
        gone = [_as_gone(worker) for worker in await Workers(namespace).gone()] if with_gone else []
        return [*live, *gone]

    known = look(settings, find, None) or []
    found = [worker for worker in known if accepts(wanted, worker)]
    if screen.json:
        screen.print_json({"schema": 1, "workers": msgspec.to_builtins(found)})
    elif found:
        print_table(screen, _COLUMNS, [row(worker, time.time()) for worker in found])
    elif known:
        screen.say(hint(wanted, known) or f"no worker fits {wanted.words}; others are there")
    else:
        screen.say("no live workers; start one with:  rq-agent work --queues default")


def state_words(worker: "WorkerView", now_s: float) -> str:
    """Return a worker's state, and until when. Pure."""
    if worker.state != "off-hours" or worker.until is None:
        return worker.state
    return f"{worker.state} until {weekday(worker.until, now_s)}"


def row(worker: "WorkerView", now_s: float) -> list[Cell]:
    """Return a line of the table. Pure."""
    load = worker.load
    return [
        Cell(worker.name),
        Cell(state_words(worker, now_s), _STYLES.get(worker.state, "")),
        Cell(", ".join(worker.queues)),
        Cell(worker.mode),
        Cell(str(len(worker.running))),
        Cell("" if worker.slots is None else str(worker.slots)),
        Cell(str(len(worker.gpus))),
        Cell("" if load.cpu_percent is None else f"{load.cpu_percent:.0f}%"),
        Cell(", ".join(f"{name}={value}" for name, value in worker.labels.items())),
        Cell(worker.host),
        Cell("" if worker.beat_age_s is None else f"{length(worker.beat_age_s)} ago"),
    ]


def _as_gone(worker: "WorkerView") -> "WorkerView":
    return msgspec.structs.replace(worker, state="gone")
