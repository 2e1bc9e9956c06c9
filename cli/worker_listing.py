"""The list of workers."""

import time
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.presence import Workers
from ..broker.sub_workers import SHOWN, sub_workers
from .reading import look
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import length, weekday
from .sub_worker_listing import print_sub_workers
from .worker_picking import accepts, check_filter, hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..broker.namespace import Namespace
    from ..broker.presence import WorkerView
    from ..broker.sub_workers import SubWorker
    from .config import Settings
    from .worker_options import WorkerFilter

_COLUMNS: Final = (
    Column("WORKER"),
    Column("STATE"),
    Column("QUEUES", rank=1, shrinks=True),
    Column("MODE", rank=6),
    Column("RUNNING", is_number=True),
    Column("SLOTS", rank=2, is_number=True),
    Column("SERVICES", rank=2, is_number=True),
    Column("GPUS", rank=3, is_number=True),
    Column("CPU", rank=8, is_number=True),
    Column("LABELS", rank=5, shrinks=True),
    Column("HOST", rank=4),
    Column("BEAT", rank=7, is_number=True),
)
_Found = tuple["list[WorkerView]", "list[SubWorker]"]
_STYLES: Final = {
    "busy": "cyan",
    "draining": "yellow",
    "paused": "yellow",
    "off-hours": "dim",
    "disk-full": "red",
    "gone": "red",
}


def show_workers(
    settings: "Settings",
    screen: Screen,
    wanted: "WorkerFilter",
    *,
    with_gone: bool,
    subs: bool | None,
) -> None:
    """Print workers.

    Args:
        settings: of the command.
        screen: to print on.
        wanted: which.
        with_gone: also those that fell silent a while ago.
        subs: all sub-workers (True), none (False), or the newest of each worker (None).
    """
    check_filter(wanted)

    async def find(namespace: "Namespace") -> "_Found":
        live = await Workers(namespace).live()
        gone = [_as_gone(worker) for worker in await Workers(namespace).gone()] if with_gone else []
        found = [worker for worker in live if accepts(wanted, worker)]
        most = None if subs else SHOWN
        below = [] if subs is False else await sub_workers(namespace, found, most=most)
        return [*live, *gone], below

    nothing: _Found = ([], [])
    known, below = look(settings, find, nothing)
    found = [worker for worker in known if accepts(wanted, worker)]
    if screen.json:
        listed = {"workers": found, "sub_workers": below}
        screen.print_json({"schema": 1, **msgspec.to_builtins(listed)})
    elif found:
        _print(screen, found)
        print_sub_workers(screen, found, below)
    elif known:
        screen.say(hint(wanted, known) or f"no worker fits {wanted.words}; others are there")
    else:
        screen.say("no live workers; start one with:  rq-agent work --queues default")


def _print(screen: Screen, found: "Sequence[WorkerView]") -> None:
    """Print the table; it tells of services where there are any."""
    rows = [row(worker, time.time()) for worker in found]
    kept = [
        n
        for n, column in enumerate(_COLUMNS)
        if column.title != "SERVICES" or any(worker.services for worker in found)
    ]
    shown = [[cells[n] for n in kept] for cells in rows]
    print_table(screen, [_COLUMNS[n] for n in kept], shown)


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
        Cell(_slots(worker)),
        Cell(str(worker.services or "")),
        Cell(str(len(worker.gpus))),
        Cell("" if load.cpu_percent is None else f"{load.cpu_percent:.0f}%"),
        Cell(", ".join(f"{name}={value}" for name, value in worker.labels.items())),
        Cell(worker.host),
        Cell("" if worker.beat_age_s is None else f"{length(worker.beat_age_s)} ago"),
    ]


def _slots(worker: "WorkerView") -> str:
    if worker.slots is None:
        return ""
    return "shared" if worker.slots and worker.slots == worker.services else str(worker.slots)


def _as_gone(worker: "WorkerView") -> "WorkerView":
    return msgspec.structs.replace(worker, state="gone")
