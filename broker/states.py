"""The states and phases of a task, and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """Where a task is in its life. The value is what Redis stores."""

    DRAFT = "draft"  # edited, not yet enqueued
    WAITING = "waiting"  # for its parents
    DELAYED = "delayed"  # until a time
    QUEUED = "queued"  # ready: the next fitting worker takes it
    BLOCKED = "blocked"  # its concurrency key is taken
    RUNNING = "running"  # claimed under a lease; see Phase
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the user's code
    ERRORED = "errored"  # infrastructure: never the user's fault
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # a parent did not succeed
    EXPIRED = "expired"  # waited too long
    DEAD = "dead"  # its workers were lost too often


class Phase(StrEnum):
    """What a running task does just now."""

    SNAPSHOT = "snapshot"
    ENVIRONMENT = "environment"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"


FINAL: Final[frozenset[TaskState]] = frozenset(
    {
        TaskState.SUCCEEDED,
        TaskState.FAILED,
        TaskState.ERRORED,
        TaskState.TIMED_OUT,
        TaskState.CANCELLED,
        TaskState.SKIPPED,
        TaskState.EXPIRED,
        TaskState.DEAD,
    }
)

BEFORE_RUNNING: Final = frozenset(
    {TaskState.WAITING, TaskState.DELAYED, TaskState.QUEUED, TaskState.BLOCKED}
)
"""States of a task that is to run and does not yet."""
_RUNNING: Final = frozenset({TaskState.RUNNING})
_HELD: Final = _RUNNING | {TaskState.QUEUED, TaskState.DELAYED, TaskState.BLOCKED}
"""Its lease ran out, and its worker tells the end before anybody claimed it again."""

ALLOWED_FROM: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.DRAFT: FINAL | BEFORE_RUNNING,
    TaskState.WAITING: frozenset({TaskState.DRAFT}),
    TaskState.DELAYED: frozenset({TaskState.DRAFT, TaskState.WAITING}) | _RUNNING,
    TaskState.QUEUED: frozenset({TaskState.DRAFT}) | BEFORE_RUNNING | _RUNNING,
    TaskState.BLOCKED: frozenset({TaskState.QUEUED}),
    TaskState.RUNNING: frozenset({TaskState.QUEUED, TaskState.DELAYED, TaskState.BLOCKED}),
    TaskState.SUCCEEDED: _HELD,
    TaskState.FAILED: _HELD,
    TaskState.ERRORED: _HELD,
    TaskState.TIMED_OUT: _HELD,
    TaskState.CANCELLED: BEFORE_RUNNING | _RUNNING | {TaskState.DRAFT},
    TaskState.SKIPPED: frozenset({TaskState.WAITING}),
    TaskState.EXPIRED: BEFORE_RUNNING,
    TaskState.DEAD: _RUNNING,
}
"""From which states a state may be entered. RUNNING from DELAYED or BLOCKED is re-adoption after a loss."""
