"""Every kind of JSON that commands print: one entry, one file in docs/schemas/."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ...broker.asked import Asked
from ...broker.comparison import Row
from ...broker.counts import QueueStatistics
from ...broker.definition import Code, Entry, EnvironmentSpec
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
from ...broker.why import Why
from ...broker.why_workers import Reason
from .forms import Kind, extended, holding, lines, some, whole


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one task."""

    id: str
    outcome: str
    """What was done; `unchanged`: nothing had to be; else why it could not be."""
    detail: str
    """In which state it is, or who or what stands in the way."""


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


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two tasks that are compared."""

    id: str
    name: str
    archived: bool


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Things that belong together."""

    title: str
    rows: list[Row]


_QUEUE: Final = extended(QueueView, wait_p95_s=float | None)
_SCHEDULE: Final = extended(Schedule, but=("settings", "revision", "problem"), in_words=str)

KINDS: Final[Mapping[str, Kind]] = {
    "task": whole(Record, "One task: run, submit --wait, wait TASK"),
    "tasks": holding("Tasks: ps, wait TASK TASK, archive ls", tasks=list[Record]),
    "details": whole(
        Record,
        "All about one task: show",
        code=Code | None,
        entry=Entry | None,
        environment=EnvironmentSpec | None,
        asked=Asked | None,
        links=Links,
        runs=list[Run],
        archived=bool,
        waits=list[Reason],
        history=list[Step],
    ),
    "answers": holding(
        "What became of tasks: enqueue, dequeue, reset, label, archive add, rm TASK",
        tasks=list[Answer],
    ),
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
    "workers": holding("Workers: worker ls", workers=list[WorkerView]),
    "schedules": holding("Schedules: schedule ls", schedules=some(_SCHEDULE)),
    "schedule": whole(_SCHEDULE, "One schedule: schedule show, schedule add"),
    "versions": holding("Versions of what it is made of: version", versions=dict[str, str]),
}
