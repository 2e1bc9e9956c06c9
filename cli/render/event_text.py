"""Events in words, a line for each. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .screen import printable
from .times import clock

if TYPE_CHECKING:
    from ...broker.events import Event

_OF_TASKS: Final[Mapping[str, str]] = {
    "aged": "waited long and rises",
    "archive": "is to go to the archive",
    "blocked": "waits for its concurrency key",
    "cancel": "is asked to stop",
    "claimed": "was claimed by {worker}",
    "dequeued": "is a draft again",
    "drafted": "was drafted",
    "edited": "was edited",
    "enqueued": "entered queue {queue}",
    "fenced": "goes on: an end of its claim {fence} came too late ({outcome})",
    "ghost": "stood in an index without a record",
    "given_back": "was given back by {worker}",
    "hanging": "shows no sign of life; its stacks are in its log",
    "labelled": "was labelled",
    "lost": "lost its worker {worker}",
    "moved": "was moved in queue {queue}",
    "moving": "moves again",
    "parents_met": "has all its parents",
    "phase": "is in phase {phase}",
    "priority": "has priority {priority} now",
    "promoted": "is due: in line in queue {queue}",
    "readopted": "is held by {worker} again",
    "recreated": "is known again, as {worker} holds it",
    "release": "was given back to queue {queue}",
    "reset": "was reset to a draft",
    "retry": "is tried again",
    "unblocked": "has its concurrency key",
}
_OF_OTHERS: Final[Mapping[str, str]] = {
    "queue_ageing": "queue {queue}: tasks rise after {ageing_ms} ms",
    "queue_created": "queue {queue} was created",
    "queue_deleted": "queue {queue} was deleted",
    "queue_limited": "queue {queue} runs at most {max_running} (0: any number)",
    "queue_paused": "queue {queue} was paused",
    "queue_purged": "queue {queue} was purged of {count} task{plural}",
    "queue_resumed": "queue {queue} was resumed",
    "queue_weighed": "queue {queue} has weight {weight}",
    "schedule_added": "schedule {schedule} was added",
    "schedule_fired": "schedule {schedule} fired: {added} task{plural}",
    "schedule_paused": "schedule {schedule} was paused",
    "schedule_removed": "schedule {schedule} was removed",
    "schedule_replaced": "schedule {schedule} was replaced",
    "schedule_resumed": "schedule {schedule} was resumed",
    "server_replaced": "redis came back with nothing; rq-agent doctor tells what was lost",
}
_ENDS: Final = {"succeeded", "failed", "errored", "timed_out", "cancelled", "skipped"} | {
    "expired",
    "dead",
}


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def line_of(event: "Event") -> str:
    """Return one event in a line: its time, whose it is, what happened."""
    return f"{clock(event.at)}  {words(event)}"


def words(event: "Event") -> str:
    """Return what happened, e.g. `01jd... was claimed by box-1`."""
    fields = _Known(event.fields)
    if not event.task_id:
        known = _OF_OTHERS.get(event.event)
        fields["plural"] = "" if "1" in (fields["added"], fields["count"]) else "s"
        return printable(known.format_map(fields) if known else _unknown(event))
    if event.event in _ENDS:
        reason = f" ({event.fields['reason']})" if event.fields.get("reason") else ""
        told = f"{event.event.replace('_', ' ')}{reason}"
    elif event.event in _OF_TASKS:
        told = _OF_TASKS[event.event].format_map(fields)
    else:
        told = _unknown(event)
    return printable(f"{event.task_id}  {told}")


def style_of(event: "Event") -> str:
    """Return the style of rich of an event; empty for most."""
    from .words import STYLES

    return STYLES.get(event.event, "magenta" if event.event in ("lost", "ghost") else "")


def _unknown(event: "Event") -> str:
    """Return an event of another version, as it is."""
    fields = " ".join(f"{name}={value}" for name, value in event.fields.items())
    return f"{event.event.replace('_', ' ')} {fields}".strip()
