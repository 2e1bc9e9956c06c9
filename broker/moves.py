"""Changing the order in which waiting tasks are served."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from .errors import ReplyLost, TaskError, TaskNotFound, UsageError, WrongState
from .keys import TaskId
from .names import check_queue
from .namespace import Namespace
from .scripts import Argument, Script

MOST_STEPS: Final = 1000
"""Places that one move may go ahead or back."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task that was to be moved."""

    is_changed: bool
    """Whether it stood elsewhere before."""
    position: int | None
    """Place in its queue from 1; None where it does not stand in one yet (delayed, waiting,
    draft). For a blocked task: the place that it comes back to."""


class Moves:
    """Moves tasks that wait.

    The order of a queue is the one in which its tasks would be claimed if every worker could run
    each of them. A priority is never left but by set_priority() and by taking that of another task.

    All methods raise TaskNotFound, WrongState where the task runs or is final (or, but for
    to_queue() and set_priority(), does not stand in a queue yet), and TaskError where more
    than a thousand tasks stand at one place.
    """

    def __init__(self, ns: Namespace) -> None:
        self._scripts = ns.scripts

    async def to_top(self, task_id: TaskId) -> Moved:
        """Let a task be the next of its priority."""
        return await self._move(self._scripts.move_top, task_id)

    async def to_bottom(self, task_id: TaskId) -> Moved:
        """Let a task be the last of its priority."""
        return await self._move(self._scripts.move_bottom, task_id)

    async def before(self, task_id: TaskId, other_id: TaskId) -> Moved:
        """Put a task right before another one; it takes the priority of that one.

        Raises:
            UsageError: the other one is not queued in the same queue, or is the task itself.
        """
        return await self._move(self._scripts.move_before, task_id, other_id)

    async def after(self, task_id: TaskId, other_id: TaskId) -> Moved:
        """Put a task right behind another one; it takes the priority of that one.

        Raises:
            UsageError: the other one is not queued in the same queue, or is the task itself.
        """
        return await self._move(self._scripts.move_after, task_id, other_id)

    async def by(self, task_id: TaskId, steps: int) -> Moved:
        """Move a task back by some places, or ahead where steps is below 0, within its priority.

        Raises:
            UsageError: more than 1000 steps.
            ReplyLost: it may have been moved; moved once more, it might go twice as far.
        """
        if abs(steps) > MOST_STEPS:
            raise UsageError(
                f"{steps} places are too many for one move: at most {MOST_STEPS};"
                " move it to the top or to the bottom, or next to another task"
            )
        try:
            return await self._move(self._scripts.move_by, task_id, steps)
        except ReplyLost as e:
            raise ReplyLost(
                f"{e}; task {task_id} may have been moved or not: see its position with"
                f" `rq-agent show {task_id}` before you move it again"
            ) from e

    async def to_queue(self, task_id: TaskId, queue: str) -> Moved:
        """Let a task wait in another queue, behind all others of its priority.

        Raises:
            UsageError: the queue's name is not acceptable.
        """
        check_queue(queue)
        return await self._move(self._scripts.move_to_queue, task_id, queue)

    async def set_priority(self, task_id: TaskId, priority: int) -> Moved:
        """Change how urgent a task is: -128 to 127, larger is sooner.

        Raises:
            UsageError: the priority is out of these bounds.
        """
        if not -128 <= priority <= 127:
            raise UsageError(f"priority {priority} is not between -128 and 127")
        return await self._move(self._scripts.set_priority, task_id, priority)

    async def _move(self, script: Script, task_id: TaskId, *arguments: Argument) -> Moved:
        reply: Sequence[Any] = await script([task_id, *arguments])
        match [part.decode() if isinstance(part, bytes) else part for part in reply]:
            case ["moved" | "unchanged" as outcome, int(position)]:
                return Moved(is_changed=outcome == "moved", position=position or None)
            case ["missing"]:
                raise TaskNotFound(task_id)
            case ["state", state]:
                raise WrongState(task_id, state, _why(state))
            case ["itself"]:
                raise UsageError(f"task {task_id} can't be moved next to itself")
            case ["other", state, queue]:
                raise UsageError(_other(task_id, str(arguments[0]), state, queue))
        raise TaskError(
            task_id,
            "more than a thousand tasks stand at the place that it would get;"
            " move it to the top or to the bottom",
        )


def _why(state: str) -> str:
    if state in ("draft", "waiting", "delayed"):
        return (
            f"is {state}, so it has no place in a queue yet; change its priority or queue instead"
        )
    return f"is {state.replace('_', ' ')}; only tasks that wait can be moved"


def _other(task_id: TaskId, other_id: str, state: str, queue: str) -> str:
    if not state:
        return f"task {task_id} can't be moved next to {other_id}: there is no such task"
    if state == "queued":
        return (
            f"task {task_id} can't be moved next to {other_id}, which waits in queue {queue};"
            f" move it to queue {queue} first"
        )
    return (
        f"task {task_id} can't be moved next to {other_id}, which is {state.replace('_', ' ')}:"
        " that one must be queued"
    )
