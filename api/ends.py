"""How a task ended that did not succeed, as errors for whoever waits for its result.

TaskError (see broker/errors.py)
    TaskEnded              has .state, .reason, .exit_code and .log
        TaskFailed             its own code raised, or ended with another code than 0
        TaskErrored            infrastructure: no environment, or its workers died too often
        TaskTimedOut
        TaskCancelled
        TaskNotRun             skipped for a parent's sake, or it waited too long
    NoResult               it succeeded, but its result is not there, or not any more
"""

from typing import Final

from ..broker.errors import TaskError
from ..broker.keys import TaskId
from ..broker.states import TaskState


class TaskEnded(TaskError):
    """A task ended, and did not succeed."""

    def __init__(
        self, task_id: TaskId, state: str, reason: str, exit_code: int | None, log: str = ""
    ) -> None:
        """`log`: the last lines of its output."""
        why = f": {reason}" if reason else ""
        tail = "".join(f"\n  | {line}" for line in log.splitlines())
        super().__init__(task_id, f"{state.replace('_', ' ')}{why}{tail}")
        self.state = state
        self.reason = reason
        self.exit_code = exit_code
        self.log = log


class TaskFailed(TaskEnded):
    """Its own code failed."""


class TaskErrored(TaskEnded):
    """Infrastructure failed: never the fault of its code."""


class TaskTimedOut(TaskEnded):
    """It ran longer than its timeout."""


class TaskCancelled(TaskEnded):
    """Somebody cancelled it."""


class TaskNotRun(TaskEnded):
    """It never started: a parent ended otherwise, or it waited too long."""


class NoResult(TaskError):
    """It succeeded, but there is no result."""


_KINDS: Final[dict[str, type[TaskEnded]]] = {
    TaskState.FAILED: TaskFailed,
    TaskState.ERRORED: TaskErrored,
    TaskState.DEAD: TaskErrored,
    TaskState.TIMED_OUT: TaskTimedOut,
    TaskState.CANCELLED: TaskCancelled,
    TaskState.SKIPPED: TaskNotRun,
    TaskState.EXPIRED: TaskNotRun,
}


def of_state(
    task_id: TaskId, state: str, reason: str, exit_code: int | None, log: str
) -> TaskEnded:
    """Return the error for a final state that is not success."""
    return _KINDS.get(state, TaskEnded)(task_id, state, reason, exit_code, log)
