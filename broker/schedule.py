"""One schedule: what is stored of it, and what people see. Pure.

Redis may hold anything: a field that can't be read becomes empty and is named in `reason`, so that
one bad schedule never breaks a list.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from .cron_times import Missed
from .decoding import text, whole
from .errors import UsageError
from .keys import TaskId
from .new_task import NewTask

FIELDS: Final = (
    *("revision", "expression", "zone", "missed", "definition", "task", "user"),
    *("created_ms", "paused", "reason", "fired", "fired_ms", "last_task"),
)
"""Of the record, but the template."""

_SIGNED: Final = frozenset({"id", "definition", "envelope", "user", "need", "params", "timeout_ms"})
"""Fields of a task that come from the verified template, or are made anew for each task."""
_OF_ONE_TASK: Final = frozenset({"delay_ms", "at_ms", "is_draft", "parents"})
"""Fields that make no sense for one task after another."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule. Times are Unix seconds on the clock of Redis, None where not yet."""

    name: str
    expression: str
    """A line of cron."""
    zone: str
    """Its time zone."""
    missed: str
    """A Missed."""
    paused: bool
    reason: str
    """Why it is paused, and what can't be read."""
    problem: str
    """What can't be read, so that it can't fire; empty when nothing."""
    next_at: float | None
    """None while paused."""
    queue: str
    task_name: str
    user: str
    created_at: float | None
    fired: int
    """Tasks that it added so far."""
    fired_at: float | None
    last_task: TaskId | None
    definition: str
    settings: str
    """The fields of its tasks that are not signed, as JSON."""
    revision: str
    """Rises when it is replaced."""


def settings_of(task: NewTask) -> bytes:
    """Return, as JSON, what a task has that is neither signed nor usual."""
    usual = {
        f.name: f.default if f.default_factory is msgspec.NODEFAULT else f.default_factory()
        for f in structs.fields(NewTask)
    }
    given = {
        name: value
        for name, value in structs.asdict(task).items()
        if name not in _SIGNED | _OF_ONE_TASK and value != usual[name]
    }
    return msgspec.json.encode(given)


def task_of(settings: str, signed: Mapping[str, Any]) -> NewTask:
    """Return the task of stored settings; `signed` are the fields that the template gives.

    Raises:
        UsageError: the settings are not those of a task.
    """
    try:
        stored = msgspec.json.decode(settings.encode(), type=dict[str, Any])
        given = {name: value for name, value in stored.items() if name not in _OF_ONE_TASK}
        return msgspec.convert({**given, **signed}, NewTask)
    except (ValueError, RecursionError) as e:
        raise UsageError(f"the settings of its tasks are malformed: {e}"[:300]) from e


def parse(name: str, stored: Sequence[bytes | None], next_ms: float) -> Schedule:
    """Return a schedule of the fields FIELDS of its record, whatever they hold.

    Args:
        name: of the schedule.
        stored: the fields; None where there is none.
        next_ms: its time in `cron`; infinite while paused.
    """
    fields = dict(zip(FIELDS, stored, strict=True))
    said = {field: text(value or b"") for field, value in fields.items()}
    bad = [field for field in ("expression", "zone") if not said[field]]
    bad += [] if said["missed"] in set(Missed) else ["missed"]
    bad += [] if whole(fields["revision"]) is not None else ["revision"]
    queue, task_name = _shown(said["task"], bad)
    problem = f"malformed record: {', '.join(bad)}" if bad else ""
    return Schedule(
        name=name,
        expression=said["expression"],
        zone=said["zone"],
        missed=said["missed"],
        paused=said["paused"] == "1" or not math.isfinite(next_ms),
        reason="; ".join(words for words in (said["reason"], problem) if words),
        problem=problem,
        next_at=next_ms / 1000 if math.isfinite(next_ms) else None,
        queue=queue,
        task_name=task_name,
        user=said["user"],
        created_at=_seconds(fields["created_ms"]),
        fired=whole(fields["fired"]) or 0,
        fired_at=_seconds(fields["fired_ms"]),
        last_task=TaskId(said["last_task"]) if said["last_task"] else None,
        definition=said["definition"],
        settings=said["task"],
        revision=said["revision"],
    )


def malformed(name: str, problem: str, next_ms: float) -> Schedule:
    """Return the schedule of a record that can't be read at all."""
    words = f"malformed record: {problem}"
    blank = parse(name, [None] * len(FIELDS), next_ms)
    return structs.replace(blank, reason=words, problem=words)


def _shown(settings: str, bad: list[str]) -> tuple[str, str]:
    """Return queue and name of the tasks of some settings; note settings that are none."""
    try:
        stored = msgspec.json.decode(settings.encode(), type=dict[str, Any])
    except (ValueError, RecursionError):
        bad.append("task")
        return "", ""
    return str(stored.get("queue", "")), str(stored.get("name", ""))


def _seconds(value: bytes | None) -> float | None:
    ms = whole(value)
    return None if ms is None else ms / 1000
