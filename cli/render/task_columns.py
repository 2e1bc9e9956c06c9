"""The columns of lists of tasks: what stands in each, and by what each is sorted. Pure."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...broker.errors import UsageError
from . import words
from .tables import Cell, Column
from .times import clock, length

if TYPE_CHECKING:
    from ...broker.record import Record


class TaskColumn(NamedTuple):
    """One column."""

    column: Column
    help: str
    text: "Callable[[Record, float], str]"
    """Of a task, now (Unix s)."""
    key: "Callable[[Record, float], Any]"
    """Sorts tasks; None: it has none, and stands last."""


def _text(field: str) -> "Callable[[Record, float], str]":
    def read(record: "Record", now_s: float) -> str:
        value = getattr(record, field)
        return "" if value is None else str(value)

    return read


def _value(field: str) -> "Callable[[Record, float], Any]":
    def read(record: "Record", now_s: float) -> Any:
        return getattr(record, field)

    return read


def _plain(field: str, help: str, column: Column) -> TaskColumn:
    return TaskColumn(column, help, _text(field), _value(field))


def _moment(field: str, help: str) -> TaskColumn:
    def read(record: "Record", now_s: float) -> str:
        at_s = getattr(record, field)
        return "" if at_s is None else clock(at_s)

    return TaskColumn(Column(field.removesuffix("_at").upper()), help, read, _value(field))


def _labels(record: "Record", now_s: float) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(record.labels.items()))


def lasted_s(record: "Record", now_s: float) -> float | None:
    """Return how long it ran, or has waited."""
    if record.started_at is not None:
        return (record.finished_at or now_s) - record.started_at
    begin = record.queued_at or record.created_at
    return None if begin is None or record.finished_at is not None else now_s - begin


def _lasted(record: "Record", now_s: float) -> str:
    seconds = lasted_s(record, now_s)
    return "" if seconds is None else length(seconds)


COLUMNS: Final[Mapping[str, TaskColumn]] = {
    "id": _plain("id", "its id", Column("ID")),
    "name": _plain("name", "its name", Column("NAME", shrinks=True)),
    "state": TaskColumn(
        Column("STATE", shrinks=True),
        "its state, and what explains it",
        lambda record, now_s: words.short_state(record),
        lambda record, now_s: record.state,
    ),
    "phase": _plain("phase", "what a running one does now", Column("PHASE")),
    "queue": _plain("queue", "the queue that it is on", Column("QUEUE", rank=2)),
    "pos": _plain("position", "its place in the queue", Column("POS", rank=3, is_number=True)),
    "priority": _plain("priority", "larger first", Column("PRIO", is_number=True)),
    "worker": _plain("worker", "who runs it, or ran it last", Column("WORKER", rank=4)),
    "user": _plain("user", "who submitted it", Column("USER", rank=5)),
    "time": TaskColumn(
        Column("TIME", rank=1, is_number=True),
        "how long it ran, or has waited",
        _lasted,
        lasted_s,
    ),
    "created": _moment("created_at", "when it was submitted"),
    "started": _moment("started_at", "when a worker took it"),
    "finished": _moment("finished_at", "when it ended"),
    "attempts": TaskColumn(
        Column("ATTEMPTS", is_number=True),
        "which try it is, and how often it was claimed",
        lambda record, now_s: words.attempt(record),
        lambda record, now_s: record.fence,
    ),
    "exit": _plain("exit_code", "its exit code", Column("EXIT", is_number=True)),
    "reason": _plain("reason", "why it ended so", Column("REASON", shrinks=True)),
    "labels": TaskColumn(Column("LABELS", shrinks=True), "its labels", _labels, _labels),
}
USUAL: Final = ("id", "name", "state", "queue", "pos", "worker", "user", "time")


def chosen(text: str) -> Sequence[str]:
    """Return the columns of a list like `id,state`, `+labels,exit` (the usual ones too) or `all`.

    Raises:
        UsageError: a name that is none; names near ones.
    """
    if text in ("", "all"):
        return tuple(COLUMNS) if text else USUAL
    names = [_known(name.strip(), "--columns") for name in text.removeprefix("+").split(",")]
    return tuple(dict.fromkeys((*USUAL, *names) if text.startswith("+") else names))


def sorting(text: str) -> tuple[str, bool]:
    """Return the column of `time` or `-time`, and whether the last one stands first."""
    return _known(text.removeprefix("-"), "--sort"), text.startswith("-")


def sorted_by(records: "Sequence[Record]", order: tuple[str, bool], now_s: float) -> "list[Record]":
    """Return tasks by a column; those that have nothing there stand last."""
    name, is_last_first = order
    key = COLUMNS[name].key
    empty = [record for record in records if key(record, now_s) in (None, "")]
    full = [record for record in records if key(record, now_s) not in (None, "")]
    return sorted(full, key=lambda r: key(r, now_s), reverse=is_last_first) + empty


def columns_of(names: Sequence[str]) -> list[Column]:
    """Return the columns to print. Those that were asked for stay, however narrow it is."""
    found = [COLUMNS[name].column for name in names]
    return found if tuple(names) == USUAL else [each._replace(rank=0) for each in found]


def row(record: "Record", names: Sequence[str], now_s: float) -> list[Cell]:
    """Return a task as a row of these columns."""
    style = words.STYLES.get(record.state, "")
    return [
        Cell(COLUMNS[name].text(record, now_s), style if name == "state" else "") for name in names
    ]


def _known(name: str, option: str) -> str:
    wanted = name.lower()
    if wanted in COLUMNS:
        return wanted
    near = get_close_matches(wanted, COLUMNS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(COLUMNS)}"
    raise UsageError(f"{option} {name!r}: no such column; {hint}")
