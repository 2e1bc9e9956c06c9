"""Queues and workers: listed, drained."""

from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.draining import Draining
from ..broker.errors import SelectorError
from ..broker.lookups import Lookups
from ..broker.presence import Workers
from ..broker.statistics import Statistics
from .config import Settings
from .reading import NOTHING_YET, look
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .render.times import length

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.presence import WorkerView
    from ..broker.queues import QueueView

_QUEUES: Final = (
    Column("QUEUE"),
    Column("WAITING", is_number=True),
    Column("RUNNING", is_number=True),
    Column("DELAYED", rank=4, is_number=True),
    Column("OLDEST", rank=1, is_number=True),
    Column("WAIT P95", rank=5, is_number=True),
    Column("PAUSED", rank=3),
    Column("WORKERS", rank=2, shrinks=True),
)
_WORKERS: Final = (
    Column("WORKER"),
    Column("STATE"),
    Column("QUEUES", rank=1, shrinks=True),
    Column("MODE", rank=4),
    Column("RUNNING", is_number=True),
    Column("SLOTS", rank=2, is_number=True),
    Column("GPUS", rank=3, is_number=True),
    Column("HOST", rank=6),
    Column("BEAT", rank=5, is_number=True),
)
_HOUR: Final = 60
_STYLES: Final = {"busy": "cyan", "draining": "yellow"}


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


def show_workers(settings: Settings, screen: Screen) -> None:
    """Print all live workers."""

    async def find(namespace: "Namespace") -> "list[WorkerView] | None":
        return await Workers(namespace).live()

    found = look(settings, find, None)
    if screen.json:
        screen.print_json({"schema": 1, "workers": msgspec.to_builtins(found or [])})
    elif found:
        print_table(screen, _WORKERS, [_worker_row(worker) for worker in found])
    else:
        screen.say("no live workers; start one with:  rq-agent work --queues default")


def drain_workers(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Tell workers to drain.

    Raises:
        SelectorError: one of them is not there; none was told.
    """

    async def tell(namespace: "Namespace", name: str) -> str:
        await Draining(namespace).drain(name)
        return "drains: it stops when its tasks have ended"

    _tell_each(settings, screen, names, tell)


def undrain_workers(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Tell workers to claim again.

    Raises:
        SelectorError: one of them is not there; none was told.
    """

    async def tell(namespace: "Namespace", name: str) -> str:
        was_draining = await Draining(namespace).undrain(name)
        return "claims again" if was_draining else "was not draining"

    _tell_each(settings, screen, names, tell)


def stop_workers(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Tell workers to give their tasks back and to stop.

    Raises:
        SelectorError: one of them is not there; none was told.
    """

    async def tell(namespace: "Namespace", name: str) -> str:
        await Draining(namespace).stop(name)
        return "stops: its tasks go back into their places"

    _tell_each(settings, screen, names, tell)


def _tell_each(
    settings: Settings,
    screen: Screen,
    names: Sequence[str],
    tell: "Callable[[Namespace, str], Awaitable[str]]",
) -> None:
    async def go(namespace: "Namespace") -> dict[str, str]:
        live = [worker.name for worker in await Workers(namespace).live()]
        for name in names:
            _check_live(name, live)
        return {name: await tell(namespace, name) for name in names}

    told = look(settings, go, None)
    if told is None:
        raise SelectorError(f"no live worker is named {names[0]}: {NOTHING_YET}")
    if screen.json:
        screen.print_json({"schema": 1, "workers": told})
        return
    for name, words in told.items():
        screen.put(f"{name} {words}")


def _check_live(name: str, live: Sequence[str]) -> None:
    if name in live:
        return
    near = get_close_matches(name, live, n=1)
    hint = f"did you mean {near[0]}?" if near else "see rq-agent worker ls"
    raise SelectorError(f"no live worker is named {name}; {hint}")


def _queue_row(queue: "QueueView", wait_s: float | None) -> list[Cell]:
    return [
        Cell(queue.name),
        Cell(str(queue.waiting)),
        Cell(str(queue.running)),
        Cell(f"{queue.delayed}{'' if queue.is_exact else '+'}"),
        Cell(_time(queue.oldest_wait_s)),
        Cell(_time(wait_s)),
        Cell("paused" if queue.paused else "", "yellow"),
        Cell(", ".join(queue.workers)),
    ]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else length(seconds)


def _worker_row(worker: "WorkerView") -> list[Cell]:
    return [
        Cell(worker.name),
        Cell(worker.state, _STYLES.get(worker.state, "")),
        Cell(", ".join(worker.queues)),
        Cell(worker.mode),
        Cell(str(len(worker.running))),
        Cell("" if worker.slots is None else str(worker.slots)),
        Cell(str(len(worker.gpus))),
        Cell(worker.host),
        Cell("" if worker.beat_age_s is None else f"{length(worker.beat_age_s)} ago"),
    ]
