"""Schedules as text and as JSON. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ...broker import cron_times
from ...broker.errors import UsageError
from .screen import printable
from .tables import Cell, Column
from .times import clock

if TYPE_CHECKING:
    from ...broker.schedule import Schedule

COLUMNS: Final = (
    Column("SCHEDULE"),
    Column("NEXT"),
    Column("CRON", rank=1, shrinks=True),
    Column("ZONE", rank=4),
    Column("TASK", rank=2, shrinks=True),
    Column("QUEUE", rank=3),
    Column("FIRED", rank=5, is_number=True),
    Column("LAST TASK", rank=6),
)
IN_WORDS: Final = Column("IN WORDS", shrinks=True)
"""One more column for who wants to see much."""
_WIDTH: Final = 13


def row(schedule: "Schedule") -> list[Cell]:
    """Return a schedule as a row of COLUMNS; times in this machine's zone."""
    return [
        Cell(schedule.name),
        _next(schedule),
        Cell(schedule.expression),
        Cell(schedule.zone),
        Cell(schedule.task_name),
        Cell(schedule.queue),
        Cell(str(schedule.fired)),
        Cell(schedule.last_task or ""),
    ]


def wide_row(schedule: "Schedule") -> list[Cell]:
    """Return a schedule as a row of COLUMNS and IN_WORDS."""
    return [*row(schedule), Cell(explained(schedule))]


def fire_lines(expression: str, zone: str, fires_ms: Sequence[int]) -> list[str]:
    """Return a line of cron in words, then times at which it fires, in its own zone."""
    words = f"{cron_times.explain(expression)} ({zone})"
    return [words, *(f"  {moment(fire_ms / 1000, zone)}" for fire_ms in fires_ms)]


def moment(at_s: float, zone: str) -> str:
    """Return a moment in a zone, e.g. `Mon 2026-11-23 03:00 CET`."""
    at = datetime.fromtimestamp(at_s, cron_times.zone_of(zone))
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[at.weekday()]
    seconds = f":{at.second:02d}" if at.second else ""
    return f"{day} {at:%Y-%m-%d %H:%M}{seconds} {at.tzname()}"


def explained(schedule: "Schedule") -> str:
    """Return its line in words, e.g. `At 03:00 every day (Europe/Berlin)`."""
    try:
        return f"{cron_times.explain(schedule.expression)} ({schedule.zone})"
    except UsageError as e:
        return str(e)


def lines_of(schedule: "Schedule") -> Iterator[str]:
    """Return the lines of `schedule show`."""
    yield f"schedule {printable(schedule.name)}"
    fields = {
        "cron": schedule.expression,
        "in words": explained(schedule),
        "next": _next(schedule).text,
        "reason": schedule.reason,
        "missed times": schedule.missed,
        "task": schedule.task_name,
        "queue": schedule.queue,
        "user": schedule.user,
        "created": _clock(schedule.created_at),
        "fired": f"{schedule.fired} tasks" if schedule.fired else "",
        "last fired": _clock(schedule.fired_at),
        "last task": schedule.last_task or "",
        "definition": schedule.definition[:12],
    }
    for name, value in fields.items():
        if value:
            yield f"  {name:<{_WIDTH}} {printable(value)}"


def schedule_json(schedule: "Schedule") -> dict[str, Any]:
    """Return a schedule as plain values, without what only we need."""
    from msgspec import to_builtins

    fields: dict[str, Any] = to_builtins(schedule)
    for name in ("settings", "revision", "problem"):
        del fields[name]
    return {**fields, "in_words": explained(schedule)}


def _next(schedule: "Schedule") -> Cell:
    if schedule.next_at is not None and not schedule.paused:
        return Cell(_clock(schedule.next_at))
    why = f" ({schedule.reason})" if schedule.reason else ""
    return Cell(f"paused{why}"[:40], "yellow")


def _clock(at_s: float | None) -> str:
    """Return a moment here; a number that is no time as it is: anybody may have stored it."""
    try:
        return "" if at_s is None else clock(at_s)
    except (ValueError, OverflowError, OSError):
        return f"{at_s:g} s"
