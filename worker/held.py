"""The tasks that this worker holds a claim on, and how they are told to stop."""

from collections.abc import Callable, Iterator

import anyio

from ..broker.claims import Claim
from ..broker.keys import TaskId
from .endings import StopCause


class Held:
    """One claimed task, from its claim to its finish."""

    def __init__(self, claim: Claim, gpus: tuple[str, ...]) -> None:
        self.claim = claim
        self.gpus = gpus
        self.stopping = anyio.Event()
        self.cause: StopCause | None = None
        self.reason = ""
        self.grace_s: float | None = None
        """None: the task's own."""
        self.hurried = anyio.Event()
        """Set, and replaced, when a shorter grace is asked for."""

    def stop(self, cause: StopCause, *, reason: str = "", grace_s: float | None = None) -> None:
        """Ask for the end. The first cause stays, but LOST overrides: then nothing counts.

        Asked again, the shorter grace counts.
        """
        if self.cause is None or cause is StopCause.LOST:
            self.cause, self.reason = cause, reason
        if grace_s is not None and (self.grace_s is None or grace_s < self.grace_s):
            self.grace_s = grace_s
            self.hurried.set()
            self.hurried = anyio.Event()
        self.stopping.set()


class HeldTasks:
    """All of them, by id."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._tasks: dict[TaskId, Held] = {}
        self._on_change = on_change

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._tasks.values()))

    def add(self, held: Held) -> None:
        """Hold one more."""
        self._tasks[held.claim.task_id] = held
        self._on_change()

    def remove(self, held: Held) -> None:
        """Hold it no longer."""
        if self._tasks.get(held.claim.task_id) is held:
            del self._tasks[held.claim.task_id]
        self._on_change()

    def get(self, task_id: TaskId) -> Held | None:
        """Return the held task of that id."""
        return self._tasks.get(task_id)

    def stop(
        self,
        task_id: TaskId,
        cause: StopCause,
        *,
        fence: int | None = None,
        grace_s: float | None = None,
    ) -> None:
        """Ask one task to stop, if it is held (under that fence)."""
        held = self._tasks.get(task_id)
        if held is not None and fence in (None, held.claim.fence):
            held.stop(cause, grace_s=grace_s)
