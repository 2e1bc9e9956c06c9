"""What many events come down to for pages that are open. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...broker.events import Event
from ...broker.presence import WorkerView

TOPICS: Final = ("tasks", "queues", "workers")
MOST: Final = 200
"""Most tasks or workers that one message names; it tells how many more there are."""

_BEATS: Final = frozenset({"beat_ms", "expires_ms"})


def of_events(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Return the message for each topic that the events touch: the last event of each task."""
    tasks = {event.task_id: event for event in events if event.task_id}
    queues = {event.fields["queue"] for event in events if event.fields.get("queue")}
    found: dict[str, dict[str, Any]] = {}
    if tasks:
        newest = list(tasks.values())[-MOST:]
        found["tasks"] = {"tasks": [_task(e) for e in newest], "more": len(tasks) - len(newest)}
    if events:
        found["queues"] = {"queues": sorted(queues)[:MOST], "more": max(0, len(queues) - MOST)}
    return found


def fingerprints(workers: Sequence[WorkerView]) -> dict[str, object]:
    """Return what a page shows of each worker, but for the age of its beat."""
    return {
        worker.name: (
            worker.state,
            worker.running,
            tuple(pair for pair in sorted(worker.facts.items()) if pair[0] not in _BEATS),
        )
        for worker in workers
    }


def of_workers(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Any] | None:
    """Return the message about workers that came, went or changed; None where none did."""
    names = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
    if not names:
        return None
    return {"workers": names[:MOST], "more": max(0, len(names) - MOST)}


def _task(event: Event) -> dict[str, str]:
    known = ("state", "queue", "worker")
    told = {name: event.fields[name] for name in known if name in event.fields}
    return {"id": event.task_id, "event": event.event, **told}
