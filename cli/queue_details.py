"""Everything about one queue: gathered for `queue show`."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.counts import QueueStatistics
from ..broker.errors import SelectorError, UsageError
from ..broker.needs import Need
from ..broker.presence import Workers, WorkerView
from ..broker.queues import QueueView, read_queue, ready_sets
from ..broker.shapes import Shapes
from ..broker.statistics import KEPT_MINUTES, Statistics
from . import values
from .config import Settings
from .reading import NOTHING_YET, look
from .render.queue_text import lines_of
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

_NOW_MINUTES: Final = 5
"""How far back the present rates look."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of one shape are in line."""

    shape: str
    need: Need | None
    """None: this version can't read it."""
    count: int


class QueueDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One queue, what is in it, and what happened in it."""

    queue: QueueView
    ready: Sequence[Ready]
    """The most first."""
    workers: Sequence[WorkerView]
    now: QueueStatistics
    """Of the last minutes."""
    period: QueueStatistics
    """Of the time that was asked for."""


def show_queue(settings: Settings, screen: Screen, name: str, *, since: str) -> None:
    """Print one queue.

    Raises:
        SelectorError: there is none of this name.
        UsageError: statistics of that time are not kept.
    """
    minutes = _minutes(since)

    async def find(namespace: "Namespace") -> QueueDetails | None:
        return await _gather(namespace, name, minutes)

    if (details := look(settings, find, None)) is None:
        raise SelectorError(f"no queue is named {name}: {NOTHING_YET}")
    if screen.json:
        screen.print_json(_json(details))
        return
    for line in lines_of(details):
        screen.put(line)


def _minutes(since: str) -> int:
    minutes = math.ceil(values.duration_s(since, "--since") / 60)
    if not 1 <= minutes <= KEPT_MINUTES:
        raise UsageError(f"--since {since}: say a time of at most {KEPT_MINUTES // 1440}d")
    return minutes


async def _gather(ns: "Namespace", name: str, minutes: int) -> QueueDetails:
    view = await read_queue(ns, name)
    needs = await Shapes(ns).all()
    counts = await ready_sets(ns, [name])
    ready = [
        Ready(shape=shape, need=needs.get(shape), count=count)
        for (_, shape), count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return QueueDetails(
        queue=view,
        ready=ready,
        workers=await Workers(ns).listening(name),
        now=(await Statistics(ns).latest([name], _NOW_MINUTES))[name],
        period=(await Statistics(ns).latest([name], minutes))[name],
    )


def _json(details: QueueDetails) -> dict[str, object]:
    now, counts = details.now, details.now.counts
    return {
        "schema": 1,
        **msgspec.to_builtins(details.queue),
        "ready": msgspec.to_builtins(details.ready),
        "workers": msgspec.to_builtins(details.workers),
        "a_second": {
            "enqueued": now.a_second(counts.enqueued),
            "claimed": now.a_second(counts.claimed),
            "finished": now.a_second(counts.finished),
        },
        "period": msgspec.to_builtins(details.period),
    }
