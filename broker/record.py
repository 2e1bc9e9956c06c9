"""One task as people see it: what `ps`, `show` and the dashboard read. Pure.

Redis may hold anything (an older writer, a hand in redis-cli): a field that can't be read
becomes empty and is named in `reason`, so that one bad task never breaks a list. A field that
is not there has its usual value: see lua/kinds.lua.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from .decoding import text
from .keys import TaskId
from .needs import Need
from .states import FINAL, Phase, TaskState

UNKNOWN: Final = "unknown"
"""State of a task whose stored state is none of ours."""

_WHOLE: Final = re.compile(rb"-?[0-9]{1,16}")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One task. Times are Unix seconds on the clock of Redis, None where not yet."""

    id: TaskId
    name: str
    state: str
    """A TaskState, or `unknown`."""
    phase: str | None
    """A Phase while running, else None."""
    reason: str
    queue: str
    priority: int
    position: int | None
    """Place in the queue from 1 while queued, else None."""
    worker: str | None
    """Who runs it or ran it last; None before."""
    attempt: int
    retry: str
    """Its retry policy as stored, see retries.py; empty: none."""
    fence: int
    lost: int
    exit_code: int | None
    user: str
    labels: dict[str, str]
    params: dict[str, str]
    """Overrides that the submitter asked for."""
    used: dict[str, str]
    """Parameters that the script really used, overridden or not."""
    needs: Need
    created_at: float | None
    queued_at: float | None
    started_at: float | None
    finished_at: float | None
    definition: str
    shape: str
    order: str
    """Score in its queue as Redis spells it: exact, larger than an integer that JSON keeps."""
    timeout_s: float
    """0: none."""
    cancel_requested: bool
    isolation: int = 0
    """From whom a light task is kept apart: 0 nobody, 4 everybody, since it blocked them."""
    hanging_since: float | None = None
    """Since when a running one has printed nothing and used no CPU and no GPU; None: it moves."""

    @property
    def is_final(self) -> bool:
        """Return whether nothing will change any more."""
        return self.state in FINAL


class _Fields:
    """Reads the fields of two hashes and collects the names of those that make no sense."""

    def __init__(self, task: Mapping[bytes, bytes], extra: Mapping[bytes, bytes]) -> None:
        self._task = task
        self._extra = extra
        self.bad: list[str] = []

    def text(self, name: str) -> str:
        return text(self._task.get(name.encode(), b""))

    def long(self, name: str) -> str:
        return text(self._extra.get(name.encode(), b""))

    def choice(self, name: str, allowed: type[TaskState] | type[Phase]) -> str:
        try:
            return allowed(self.text(name)).value
        except ValueError:
            self.bad.append(name)
            return ""

    def whole(self, name: str) -> int | None:
        """Return an integer, None if there is none."""
        if not (value := self._task.get(name.encode())):
            return None
        if _WHOLE.fullmatch(value):
            return int(value)
        self.bad.append(name)
        return None

    def seconds(self, name: str, default: float | None = None) -> float | None:
        """Return Unix s of a field in ms, `default` if there is none."""
        if not self._task.get(name.encode()):
            return default
        ms = self.whole(name)
        return None if ms is None or ms <= 0 else ms / 1000

    def mapping(self, name: str) -> dict[str, str]:
        if not (value := self._extra.get(name.encode())):
            return {}
        try:
            return msgspec.json.decode(value, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.bad.append(name)
            return {}


def parse(
    task_id: TaskId,
    task: Mapping[bytes, bytes],
    extra: Mapping[bytes, bytes],
    shapes: Mapping[str, Need],
) -> Record:
    """Return the record of the hashes `t:<id>` and `x:<id>`, whatever they hold.

    Args:
        task_id: whose hashes they are.
        task: short fields.
        extra: long fields; may be empty.
        shapes: shape id -> need; an unknown shape reads as "needs nothing".
    """
    fields = _Fields(task, extra)
    state = fields.choice("state", TaskState) or UNKNOWN
    is_running = state == TaskState.RUNNING
    has_run = is_running or state in FINAL
    fence = fields.whole("fence") or 0
    is_new = state == TaskState.DELAYED and fence == 0
    created_at = fields.seconds("created_ms")
    record = Record(
        id=task_id,
        name=fields.long("name") or fields.text("name"),
        state=state,
        phase=_phase(fields) if is_running else None,
        reason=fields.long("reason"),
        queue=fields.text("queue"),
        priority=fields.whole("priority") or 0,
        position=None,
        worker=(fields.text("worker") or None) if has_run else None,
        attempt=fields.whole("attempt") or 1,
        retry=fields.text("retry"),
        fence=fence,
        lost=fields.whole("lost") or 0,
        exit_code=fields.whole("exit_code"),
        user=fields.text("user"),
        labels=fields.mapping("labels"),
        params=fields.mapping("params"),
        used=fields.mapping("used"),
        needs=shapes.get(fields.text("shape"), Need()),
        created_at=created_at,
        queued_at=None if is_new else fields.seconds("queued_ms", created_at),
        started_at=fields.seconds("started_ms"),
        finished_at=fields.seconds("finished_ms"),
        definition=fields.text("definition"),
        shape=fields.text("shape"),
        order=fields.text("order"),
        timeout_s=(fields.whole("timeout_ms") or 0) / 1000,
        cancel_requested=bool(fields.text("cancel")),
        isolation=fields.whole("isolation") or 0,
        hanging_since=hanging_since(fields.long("hang"), fence) if is_running else None,
    )
    return _mark(record, fields.bad)


def malformed(task_id: TaskId, problem: str) -> Record:
    """Return the record of a task whose keys can't be read at all."""
    record = parse(task_id, {}, {}, {})
    return msgspec.structs.replace(record, reason=f"malformed record: {problem}")


def to_json(record: Record) -> dict[str, Any]:
    """Return the record as plain values, as in `--json`."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    return fields


def hanging_since(told: str, fence: int) -> float | None:
    """Return since when a claim hangs, in Unix s; None: it moves, or that was another claim."""
    whose, _, since_ms = told.partition(":")
    if not (whose == str(fence) and re.fullmatch("[0-9]{1,16}", since_ms, re.ASCII)):
        return None
    return int(since_ms) / 1000


def _phase(fields: _Fields) -> str | None:
    return (fields.choice("phase", Phase) or None) if fields.text("phase") else None


def _mark(record: Record, bad: Sequence[str]) -> Record:
    if not bad:
        return record
    problem = f"malformed record: {', '.join(bad)}"
    reason = f"{record.reason}; {problem}" if record.reason else problem
    return msgspec.structs.replace(record, reason=reason)
