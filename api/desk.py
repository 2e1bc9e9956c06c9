"""What handles ask: ends, records, output, cancels."""

import anyio

from ..broker.errors import TaskNotFound
from ..broker.keys import TaskId
from ..broker.lookups import Lookups
from ..broker.namespace import Namespace
from ..broker.record import Record
from ..broker.results import End
from ..broker.tasks import CancelOutcome, Tasks
from ..broker.waiting import Ends
from . import outputs
from .here import Here


class Desk:
    """Answers for one open client."""

    def __init__(self, here: Here, namespace: Namespace, ends: Ends) -> None:
        self._here = here
        self._namespace = namespace
        self._ends = ends

    async def end(self, task_id: TaskId, timeout_s: float | None) -> End:
        """Return the end of a task as soon as it has ended; raise TaskNotFound or TimeoutError."""
        self._here.check()
        try:
            with anyio.fail_after(timeout_s):
                return await self._ends.wait(task_id)
        except TimeoutError:
            raise TimeoutError(f"task {task_id} has not ended within {timeout_s:g} s") from None

    async def cancel(self, task_id: TaskId, reason: str, grace_s: float | None) -> bool:
        """Cancel a task; return False if it had ended before."""
        self._here.check()
        grace_ms = None if grace_s is None else int(grace_s * 1000)
        tasks = Tasks(self._namespace)
        outcome = await tasks.cancel(task_id, reason=reason, grace_ms=grace_ms)
        return outcome is not CancelOutcome.FINAL

    async def record(self, task_id: TaskId) -> Record:
        """Return what is known of a task now; raise TaskNotFound."""
        self._here.check()
        return await Lookups(self._namespace).record(task_id)

    async def log(self, task_id: TaskId) -> str:
        """Return the output of its last attempt, as far as it is kept; raise TaskNotFound."""
        record = await self.record(task_id)
        return await outputs.whole(self._namespace, record.id, record.fence)

    async def tail(self, task_id: TaskId, *, lines: int) -> str:
        """Return the last lines of the output of its last attempt; empty where it has none."""
        try:
            record = await self.record(task_id)
        except TaskNotFound:
            return ""
        return await outputs.tail(self._namespace, record.id, record.fence, lines=lines)
