"""The list of queues."""

from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.lookups import Lookups
from ..broker.statistics import Statistics
from .config import Settings
from .reading import NOTHING_YET, look
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import length

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.queues import QueueView

_QUEUES: Final = (
    Column("QUEUE"),
    Column("WAITING", is_number=True),
    Column("RUNNING", is_number=True),
    Column("LIMIT", rank=6, is_number=True),
    Column("DELAYED", rank=4, is_number=True),
    Column("OLDEST", rank=1, is_number=True),
    Column("WAIT P95", rank=5, is_number=True),
    Column("PAUSED", rank=3),
    Column("WORKERS", rank=2, shrinks=True),
)
_HOUR: Final = 60


def show_queues(settings: Settings, screen: Screen) -> None:
    """Print all queues, with what 95 % of those claimed in the last hour waited at most."""

    async def find(namespace: "Namespace") -> "list[tuple[QueueView, float | None]] | None":
        queues = await Lookups(namespace).queues()
        found = await Statistics(namespace).latest([queue.name for queue in queues], _HOUR)
        waits = [found[queue.name].wait for queue in queues]
        return [(q, w.p95_s if w else None) for q, w in zip(queues, waits, strict=True)]

    found = look(settings, find, None)
    if screen.json:
        views = [{**msgspec.to_builtins(q), "wait_p95_s": wait_s} for q, wait_s in found or []]
        screen.print_json({"schema": 1, "queues": views})
    elif found:
        print_table(screen, _QUEUES, [_queue_row(queue, wait_s) for queue, wait_s in found])
    else:
        screen.say(
            NOTHING_YET if found is None else "no queues yet: one appears with its first task"
        )


def _queue_row(queue: "QueueView", wait_s: float | None) -> list[Cell]:
    return [
        Cell(queue.name),
        Cell(str(queue.waiting)),
        Cell(str(queue.running)),
        Cell("" if queue.max_running is None else str(queue.max_running)),
        Cell(f"{queue.delayed}{'' if queue.is_exact else '+'}"),
        Cell(_time(queue.oldest_wait_s)),
        Cell(_time(wait_s)),
        Cell("paused" if queue.paused else "", "yellow"),
        Cell(", ".join(queue.workers)),
    ]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else length(seconds)
