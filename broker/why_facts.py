"""What why.lua told of one task, as values. Pure; Redis may hold anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from . import decoding
from .decoding import text
from .history import Step
from .history import parse as parse_step
from .keys import TaskId
from .needs import Need, shape_id
from .presence import RESTING, WorkerView, view
from .record import hanging_since


class ParentFact(msgspec.Struct, frozen=True):
    """A parent that a task waits for."""

    id: TaskId
    condition: str
    """ok, any or fail."""
    state: str
    """Empty: it is gone."""


class Listener(msgspec.Struct, frozen=True):
    """A live worker that takes from the task's queue."""

    worker: WorkerView
    running: int
    """Tasks that it holds."""
    is_waiting: bool
    """Idle, and would be woken for a task like this one."""
    rests: str = ""
    """draining, paused, off-hours or disk-full: it claims nothing; else empty."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One task and all that it depends on, at one moment. Times are Unix ms of Redis."""

    id: TaskId
    now_ms: int
    state: str
    queue: str
    phase: str = ""
    worker: str = ""
    reason: str = ""
    attempt: int = 1
    lost: int = 0
    losses: tuple[Step, ...] = ()
    """Of one that is dead: who lost it, and when, oldest first."""
    is_cancelled: bool = False
    """Somebody asked to cancel it."""
    hanging_ms: int | None = None
    """Since when it shows no sign of life; None: it moves."""
    started_ms: int | None = None
    finished_ms: int | None = None
    due_ms: int | None = None
    """Not before then, of a delayed task, or of one that waits for its parents first."""
    expires_ms: int | None = None
    lease_ms: int | None = None
    unmet: int = 0
    """Number of parents that it waits for."""
    parents: tuple[ParentFact, ...] = ()
    """Some of them."""
    key: str = ""
    key_limit: int = 1
    key_has_room: bool = True
    key_holders: int = 0
    holders: tuple[TaskId, ...] = ()
    """Some of them, the longest running first."""
    parked_ahead: int | None = None
    """None: it is not parked."""
    has_room: bool = True
    """Its queue may run one more task now."""
    running: int = 0
    """Tasks of its queue."""
    is_paused: bool = False
    max_running: int | None = None
    held_until_ms: int = 0
    """No claims until then; 0: no such time."""
    need: Need | None = Need()
    """None: it can't be read, so no worker takes it."""
    is_placed: bool = True
    """It stands in the line of its queue."""
    ahead: int = 0
    next: tuple[TaskId, ...] = ()
    """Those in line before it that are claimed first."""
    workers: int = 0
    """Live ones."""
    listeners: tuple[Listener, ...] = ()
    others: tuple[WorkerView, ...] = ()
    """Some live workers that don't take from its queue."""


_NEXT = 3


def read(task_id: TaskId, reply: Sequence[Any]) -> Facts | None:
    """Return the facts that why.lua told; None: there is no such task."""
    if not reply:
        return None
    told = {text(name): value for name, value in zip(reply[::2], reply[1::2], strict=True)}
    task = _pairs(told["task"])
    expires, due = (_ms(told[name]) for name in ("expires", "due"))
    return Facts(
        id=task_id,
        now_ms=told["now"],
        state=task["state"],
        queue=task["queue"],
        phase=task["phase"],
        worker=task["worker"],
        reason=text(told["reason"]),
        attempt=_whole(task["attempt"], 1),
        lost=_whole(task["lost"], 0),
        losses=tuple(step for line in told["losses"] if (step := parse_step(line)) is not None),
        is_cancelled=bool(task["cancel"]),
        hanging_ms=_hanging_ms(text(told["hang"]), task["fence"]),
        started_ms=_ms(task["started_ms"]),
        finished_ms=_ms(task["finished_ms"]),
        due_ms=due or _ms(task["due_ms"]),
        expires_ms=expires,
        lease_ms=_ms(told["lease"]),
        unmet=told["unmet"],
        parents=tuple(_parents(told["parents"])),
        key=task["key"],
        key_limit=max(_whole(task["key_limit"], 1), 1),
        key_has_room=told["key_room"] == 1,
        key_holders=told["key_holders"],
        holders=tuple(TaskId(text(i)) for i in told["holders"]),
        parked_ahead=None if told["parked"] < 0 else told["parked"],
        has_room=told["room"] == 1,
        running=told["running"],
        is_paused=told["paused"] == b"1",
        max_running=decoding.whole(told["max_running"]),
        held_until_ms=told["held_until"],
        need=_need(told["need"], task["shape"]),
        is_placed=told["placed"] == 1,
        ahead=told["ahead"],
        next=_next(told["next"]),
        workers=told["workers"],
        listeners=tuple(_listener(found, told["now"]) for found in told["listeners"]),
        others=tuple(_worker(found, told["now"]) for found in told["others"]),
    )


def _pairs(values: Sequence[Any]) -> dict[str, str]:
    return dict(zip(decoding.texts(values[::2]), decoding.texts(values[1::2]), strict=True))


def _whole(value: str, default: int) -> int:
    found = decoding.whole(value.encode())
    return default if found is None else found


def _hanging_ms(told: str, fence: str) -> int | None:
    since = hanging_since(told, _whole(fence, 0))
    return None if since is None else int(since * 1000)


def _ms(value: Any) -> int | None:
    """Return a time; None for a text that is none."""
    try:
        ms = float(value)
    except ValueError:
        return None
    return int(ms) if 0 < ms < 2**53 else None


def _parents(values: Sequence[Any]) -> list[ParentFact]:
    edges = (text(edge).partition(":") for edge in values[::2])
    states = decoding.texts(values[1::2])
    return [
        ParentFact(id=TaskId(parent), condition=condition, state=state)
        for (condition, _, parent), state in zip(edges, states, strict=True)
    ]


def _next(values: Sequence[Any]) -> tuple[TaskId, ...]:
    scored = zip(values[1::2], values[::2], strict=True)
    first = sorted((float(score), text(task_id)) for score, task_id in scored)
    return tuple(TaskId(task_id) for _, task_id in first[:_NEXT])


def _need(encoded: bytes, shape: str) -> Need | None:
    try:
        need = msgspec.json.decode(encoded, type=Need)
    except ValueError:
        return None
    return need if shape_id(need) == shape else None


def _listener(values: Sequence[Any], now_ms: int) -> Listener:
    running, is_waiting, *rest = values
    worker = _worker(rest, now_ms)
    rests = worker.state if worker.state in RESTING else ""
    return Listener(worker, running, is_waiting == 1, rests)


def _worker(values: Sequence[Any], now_ms: int) -> WorkerView:
    name, *pairs = values
    facts: Mapping[bytes, bytes] = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return view(text(name), facts, (), expires_ms=now_ms, now_ms=now_ms)
