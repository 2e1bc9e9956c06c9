"""Everything about one queue: what `queue show` and the dashboard tell."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from .counts import QueueStatistics
from .namespace import Namespace
from .needs import Need
from .presence import Workers, WorkerView
from .queues import QueueView, read_queue, ready_sets
from .shapes import Shapes
from .statistics import Statistics

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


async def gather(ns: Namespace, name: str, minutes: int) -> QueueDetails:
    """Return all about one queue, with what happened in it in the last minutes.

    Raises:
        SelectorError: there is none of this name.
    """
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


def details_json(details: QueueDetails) -> dict[str, Any]:
    """Return them as plain values, with the version of this form."""
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
