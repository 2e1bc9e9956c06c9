"""A task that was submitted."""

from typing import Final, Generic, TypeVar

from ..broker.keys import TaskId
from ..broker.record import Record
from ..broker.states import TaskState
from . import ends, results
from .desk import Desk

R = TypeVar("R")

_TAIL_LINES: Final = 20


class Handle(Generic[R]):
    """One task. It can be kept by its id alone: `fn.handle(id)`, `client.handle(id)`."""

    __slots__ = ("_convert", "_desk", "id", "queue")

    def __init__(
        self, desk: Desk, task_id: str, convert: results.Convert, *, queue: str = ""
    ) -> None:
        self.id: Final = TaskId(task_id)
        self.queue: Final = queue
        """Empty: not known here."""
        self._desk = desk
        self._convert = convert

    def __repr__(self) -> str:
        return f"<Handle {self.id}>"

    async def result(self, timeout: float | None = None) -> R:  # noqa: ASYNC109  as asyncio's own
        """Return what the function returned, as soon as it has.

        Args:
            timeout: seconds to wait at most; the task goes on all the same.

        Raises:
            TimeoutError: it has not ended by then.
            TaskFailed, TaskCancelled, TaskTimedOut, TaskErrored, TaskNotRun: it did not succeed.
            NoResult: it did, but its result is not kept, or is not what was annotated.
            TaskNotFound: there is no such task, or no longer.
        """
        end = await self._desk.end(self.id, timeout)
        if end.state == TaskState.SUCCEEDED:
            returned: R = results.decode(end, self._convert)
            return returned
        log = await self._desk.tail(self.id, lines=_TAIL_LINES)
        raise ends.of_state(self.id, end.state, end.reason, end.exit_code, log)

    async def cancel(self, reason: str = "", *, grace: float | None = None) -> bool:
        """Cancel it: at once, or where it runs by its worker. False: it had ended before.

        Args:
            reason: told to people.
            grace: seconds between being asked to stop and being killed; None: its own.
        """
        return await self._desk.cancel(self.id, reason, grace)

    async def status(self) -> Record:
        """Return state, queue, attempt, worker, times: all that is known of it now."""
        return await self._desk.record(self.id)

    async def logs(self) -> str:
        """Return what its last attempt printed, as far as that is kept."""
        return await self._desk.log(self.id)
