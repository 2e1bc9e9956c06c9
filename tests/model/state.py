"""What the model believes a namespace holds. Plain data: a rollback restores a copy of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

FINAL = frozenset(
    {"succeeded", "failed", "errored", "timed_out", "cancelled", "skipped", "expired", "dead"}
)
Line = dict[int, list[str]]
"""Priority -> tasks in their order. A task keeps its place while it runs or waits elsewhere."""


@dataclass(kw_only=True)
class Task:
    """One task. Times are Unix ms; an index that does not hold the task is None."""

    id: str
    queue: str
    shape: str
    priority: int = 0
    state: str = "queued"
    order: float = 0.0
    """Its score, learned from the record; only parked tasks of several queues need it."""
    fence: int = 0
    nonce: str = ""
    worker: str = ""
    attempt: int = 1
    lost: int = 0
    max_lost: int = 3
    lease_ms: int = 0
    queue_timeout_ms: int = 0
    cancel: str = ""
    finished: str = ""
    """The claim and outcome that were applied last."""
    reason: str = ""
    due_ms: int = 0
    """When a waiting task may run at the earliest."""
    key: str = ""
    key_limit: int = 1
    unique: str = ""
    parents: tuple[tuple[str, str], ...] = ()
    """Condition and id of all parents that it was given."""
    unmet: set[tuple[str, str]] = field(default_factory=set)
    leased_until: int | None = None
    claimed_ms: int = 0
    delayed_until: int | None = None
    expires: int | None = None
    purge_at: int | None = None
    died: int | None = None
    archive_at: int | None = None
    created_ms: int = 0
    finished_ms: int = 0
    archived_ms: int = 0
    """The end that the archive has; 0: none."""
    overdue: int = 0
    """The end that could not be purged, since the archive lacked it; 0: none."""
    fenced: int = 0
    """The claim since which the end of an older one was told; 0: none."""
    ends: int = 0
    """How often it became final."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL


@dataclass
class Queue:
    """One queue: its settings and its line."""

    paused: bool = False
    max_running: int | None = None
    weight: float = 1.0
    sequence: int = 0
    line: Line = field(default_factory=dict)
    shapes: set[str] = field(default_factory=set)

    def drop(self, task: Task) -> None:
        """A task has no place any more."""
        for line in self.line.values():
            if task.id in line:
                line.remove(task.id)

    def in_order(self) -> Iterator[str]:
        """All of its tasks that have a place, the soonest first."""
        for priority in sorted(self.line, reverse=True):
            yield from self.line[priority]


@dataclass
class WorkerRecord:
    """What Redis knows of one worker."""

    command: str = ""
    is_parked: bool = False
    """Or was woken since: by whom is left to chance."""
    claim_nonce: str = ""
    beat_ended: int = 0
    beat_ended_before: int = 0


@dataclass
class Globals:
    """What Redis knows of itself."""

    run_id: str = ""
    hold_claims_until: int = 0
    hold_reaping_until: int = 0
    ticked_at: int | None = None
    ticker: str = ""
    ticker_until: int = 0
    swept_at: int = 0


@dataclass
class State:
    """All of it."""

    tasks: dict[str, Task] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    shapes: set[str] = field(default_factory=set)
    workers: dict[str, WorkerRecord] = field(default_factory=dict)
    alive_until: dict[str, int] = field(default_factory=dict)
    """Worker -> when it counts as gone."""
    paused: set[str] = field(default_factory=set)
    """Workers that claim nothing, also of a later session."""
    passes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Order -> queue -> its turns so far, in strides; '' is the virtual time."""
    globals: Globals = field(default_factory=Globals)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(Task or '', event) -> how often it was told."""

    def queue(self, name: str) -> Queue:
        return self.queues.setdefault(name, Queue())

    def worker(self, name: str) -> WorkerRecord:
        return self.workers.setdefault(name, WorkerRecord())

    def tell(self, event: str, task_id: str = "") -> None:
        """An event of a task, or of a queue."""
        self.events[task_id, event] += 1

    def drop(self, task: Task) -> None:
        """A task has no place any more, in whichever queue it stood."""
        if task.queue in self.queues:
            self.queues[task.queue].drop(task)

    def ready(self, queue: str) -> list[Task]:
        """The tasks of a queue that could be claimed, the soonest first."""
        line = self.queues[queue].in_order() if queue in self.queues else iter(())
        return [self.tasks[i] for i in line if self.tasks[i].state == "queued"]

    def held(self, worker: str) -> list[Task]:
        """The running tasks of a worker."""
        return [t for t in self.tasks.values() if t.state == "running" and t.worker == worker]

    def running(self, queue: str) -> int:
        return sum(t.state == "running" and t.queue == queue for t in self.tasks.values())

    def holders(self, key: str) -> int:
        """How many running tasks hold a concurrency key."""
        return sum(t.state == "running" and t.key == key for t in self.tasks.values())
