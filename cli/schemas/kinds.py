"""Every kind of JSON that commands print: one entry, one file in docs/schemas/."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...broker.asked import Asked
from ...broker.comparison import Row
from ...broker.counts import QueueStatistics
from ...broker.definition import Code, Entry, EnvironmentSpec, Function
from ...broker.events import Event
from ...broker.history import Step
from ...broker.links import Links
from ...broker.presence import WorkerView
from ...broker.queue_details import Ready
from ...broker.queues import QueueView
from ...broker.record import Record
from ...broker.runs import Run
from ...broker.schedule import Schedule
from ...broker.snapshot.contents import Changed
from ...broker.sub_workers import SubWorker
from ...broker.why import Why
from ...broker.why_workers import Reason
from ...broker.worker_hosts import Host
from ..context_listing import ContextView
from ..doctor.finding import Finding
from ..key_listing import KeyView
from ..worker_details import Ended
from .forms import Kind, extended, holding, lines, some, whole


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one task."""

    id: str
    outcome: str
    """What was done; `unchanged`: nothing had to be; else why it could not be."""
    detail: str
    """In which state it is, or who or what stands in the way."""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """One task of those that a command would do something with."""

    id: str
    name: str
    state: str
    queue: str
    user: str


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one task that was to be cancelled."""

    id: str
    outcome: str
    """cancelled; requested: its worker was asked to stop it; final: it had ended before."""
    state: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Where one task stands now."""

    id: str
    is_changed: bool
    """Whether it stood elsewhere before."""
    position: int | None
    """Place in its queue from 1; null where it stands in none yet."""


class New(msgspec.Struct, frozen=True, kw_only=True):
    """One task that was made of another one."""

    id: str
    source: str
    """Of which task."""


class Cloned(New, frozen=True, kw_only=True):
    """One new task."""

    state: str
    queue: str


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a task's output."""

    task: str
    claim: int
    """Which time that it was claimed, from 1; `logs --attempt`."""
    stream: str
    """out, err, or sys (rq-agent's own words)."""
    offset: int
    """Where it begins in the output of its stream, in bytes."""
    at: float
    """When Redis got it; Unix seconds."""
    dropped_bytes: int
    """Bytes of its stream that are missing right before it."""
    text: str
    """What is no UTF-8 in it stands as backslash escapes."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How often in a second, on average over the last minutes."""

    enqueued: float
    claimed: float
    finished: float


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A task that runs on a worker."""

    id: str
    name: str
    queue: str
    phase: str | None
    started_at: float | None
    """Unix seconds on the clock of Redis."""
    run_s: float | None
    """For how long so far."""


class Keeper(msgspec.Struct, frozen=True, kw_only=True):
    """A key that says, for this namespace, which others to trust."""

    id: str
    name: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A machine or person that joined."""

    user: str
    role: str
    name: str
    key: str | None
    """Id of the key that it submits with."""
    queues: tuple[str, ...]
    joined_at: float
    """Unix seconds."""
    can_log_in: bool


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two tasks that are compared."""

    id: str
    name: str
    archived: bool


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Things that belong together."""

    title: str
    rows: list[Row]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that is open, without its secret."""

    id: str
    role: str
    expires_at: float
    """Unix seconds."""
    uses: int
    """How many machines may still join with it."""
    queues: tuple[str, ...]
    """Where its key may submit."""
    name: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A new invitation, with its secret."""

    id: str
    role: str
    link: str
    token: str
    expires_at: float
    uses: int
    queues: tuple[str, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True, rename={"origin": "from"}):
    """One setting."""

    value: str
    origin: str
    """What says so: an option, a variable, a file, a context, or default."""


_ENTRY: Final = extended(Entry, function=Function | None)
_HOST: Final = extended(Host, but=("newest",), is_mem_shared=bool)
_QUEUE: Final = extended(QueueView, wait_p95_s=float | None)
_SCHEDULE: Final = extended(Schedule, but=("settings", "revision", "problem"), in_words=str)

KINDS: Final[Mapping[str, Kind]] = {
    "task": whole(Record, "One task: run, submit --wait, wait TASK"),
    "tasks": holding("Tasks: ps, wait TASK TASK, archive ls", tasks=list[Record]),
    "details": whole(
        Record,
        "All about one task: show",
        code=Code | None,
        entry=_ENTRY | None,
        environment=EnvironmentSpec | None,
        asked=Asked | None,
        links=Links,
        runs=list[Run],
        result=str,
        result_bytes=int,
        host=_HOST | None,
        archived=bool,
        waits=list[Reason],
        history=list[Step],
    ),
    "answers": holding(
        "What became of tasks: edit, enqueue, dequeue, reset, label, archive add, rm TASK",
        tasks=list[Answer],
    ),
    "cancelled": holding("What became of tasks: cancel TASK", tasks=list[Cancelled]),
    "moved": holding("Where tasks stand now: move TASK", tasks=list[Moved]),
    "clones": holding("New tasks: clone TASK, rerun TASK", tasks=list[Cloned]),
    "handled": holding(
        "What became of all tasks of a filter, counted: cancel --queue NAME and the like",
        handled=int,
        counts=dict[str, int],
        new=list[New],
    ),
    "preview": holding(
        "The tasks that a filter accepts, and the first of them: --dry-run",
        matching=int,
        tasks=list[Brief],
    ),
    "result": holding("What a function returned: result", id=str, result=Any),
    "why": whole(Why, "What keeps a task from running: why"),
    "diff": holding(
        "What differs between two tasks: diff",
        a=Side,
        b=Side,
        equal=bool,
        parts=list[Differences],
        files=Changed | None,
        trouble=str,
        patch=list[str],
    ),
    "log": lines(Output, "Output of a task: logs"),
    "event": lines(Event, "One thing that happened: events"),
    "queues": holding("Queues: queue ls", queues=some(_QUEUE)),
    "queue": whole(
        QueueView,
        "All about one queue: queue show",
        ready=list[Ready],
        workers=list[WorkerView],
        a_second=Rates,
        period=QueueStatistics,
    ),
    "worker": whole(
        WorkerView,
        "All about one worker: worker show",
        tasks=list[Running],
        sub_workers=list[SubWorker],
        recent=list[Ended],
        ended=int | None,
    ),
    "workers": holding("Workers: worker ls", workers=list[WorkerView], sub_workers=list[SubWorker]),
    "schedules": holding("Schedules: schedule ls", schedules=some(_SCHEDULE)),
    "times": holding(
        "When a line of cron fires: schedule explain",
        expression=str,
        zone=str,
        in_words=str,
        next=list[float],
    ),
    "schedule": whole(_SCHEDULE, "One schedule: schedule show, schedule add"),
    "checks": holding("What was looked at, and how it is: doctor", ok=bool, checks=list[Finding]),
    "contexts": holding("Servers that are known by name: context ls", contexts=list[ContextView]),
    "keys": holding(
        "Whose tasks run here, and who joined: key ls",
        keys=list[KeyView],
        keepers=list[Keeper],
        members=list[Member] | None,
    ),
    "tokens": holding("Invitations that are open: invite --ls", tokens=list[Token]),
    "invitation": holding("A new invitation: invite ROLE", invitation=Invitation),
    "settings": holding("What is set, and where: config show", path=str, settings=dict[str, Said]),
    "versions": holding("Versions of what it is made of: version", versions=dict[str, str]),
}
