"""One queue as text: groups of names and values. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..service_slots import USUAL as SERVICES
from . import words
from .groups import group, lines
from .screen import printable
from .times import length

if TYPE_CHECKING:
    from ...broker.counts import QueueStatistics, Spread
    from ...broker.presence import WorkerView
    from ...broker.queue_details import QueueDetails, Ready
    from ...broker.queues import QueueView

_LISTED: Final = 20


def lines_of(details: "QueueDetails") -> Iterator[str]:
    """Return the lines of `queue show`."""
    queue = details.queue
    yield f"queue {printable(queue.name)}  {printable(queue.description)}".rstrip()
    yield from lines(_settings(queue))
    yield from group("in it now", _held(queue))
    yield from group("in line, by what they need", map(_ready, details.ready[:_LISTED]))
    yield from group(f"the last {_length(details.now)}", _rates(details.now))
    yield from group(f"the last {_length(details.period)}", _happened(details.period))
    yield from group("workers", map(_worker, details.workers[:_LISTED]))
    if not details.workers:
        light = any(ready.need is not None and ready.need.light for ready in details.ready)
        services = f"--services {SERVICES} " if light else ""
        work = f"rq-agent work {services}--queues {queue.name}"
        yield f"no live worker takes from it; start one:  {work}"


def _settings(queue: "QueueView") -> dict[str, str]:
    return {
        "state": "paused: its tasks wait until it is resumed" if queue.paused else "open",
        "max running": "" if queue.max_running is None else str(queue.max_running),
        "weight": "" if queue.weight == 1 else f"{queue.weight:g}",
    }


def _held(queue: "QueueView") -> dict[str, str]:
    oldest = queue.oldest_wait_s
    longest = "" if oldest is None else f", the first for {length(oldest)}"
    return {
        "waiting": f"{queue.waiting}{longest}",
        "running": str(queue.running),
        "delayed": _at_least(queue, queue.delayed),
        "for parents": _at_least(queue, queue.waiting_for_parents),
        "blocked": _at_least(queue, queue.blocked),
    }


def _at_least(queue: "QueueView", count: int) -> str:
    if queue.is_exact:
        return str(count) if count else ""
    return f"at least {count}"


def _ready(ready: "Ready") -> tuple[str, str]:
    if ready.need is None:
        return f"unknown to this version ({ready.shape})", str(ready.count)
    return words.need(ready.need) or "nothing", str(ready.count)


def _worker(worker: "WorkerView") -> tuple[str, str]:
    running = f", runs {len(worker.running)}" if worker.running else ""
    return worker.name, f"{worker.state}{running} on {worker.host}"


def _rates(found: "QueueStatistics") -> dict[str, str]:
    counts = found.counts
    every = {
        "enqueued": counts.enqueued,
        "claimed": counts.claimed,
        "finished": counts.finished,
    }
    return {name: rate(found.a_second(count)) for name, count in every.items() if count}


def rate(a_second: float) -> str:
    """Return a rate in the largest unit that says more than nothing: `12/s`, `30/min`, `3/h`."""
    if a_second >= 1:
        return f"{_number(a_second)}/s"
    return (
        f"{_number(a_second * 60)}/min" if a_second * 60 >= 1 else f"{_number(a_second * 3600)}/h"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _happened(found: "QueueStatistics") -> dict[str, str]:
    names = found.counts.__struct_fields__
    counted = {name.replace("_", " "): getattr(found.counts, name) for name in names}
    return {
        **{name: str(count) for name, count in counted.items() if count},
        "wait": _spread(found.wait),
        "run": _spread(found.run),
    }


def _spread(spread: "Spread | None") -> str:
    if spread is None:
        return ""
    times = (("p50", spread.p50_s), ("p95", spread.p95_s), ("p99", spread.p99_s))
    return ", ".join(f"{name} {length(seconds)}" for name, seconds in times)


def _length(found: "QueueStatistics") -> str:
    return length((found.until_ms - found.since_ms) / 1000)
