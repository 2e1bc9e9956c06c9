"""The tasks that this worker holds a claim on, and how they are told to stop."""

from collections.abc import Callable, Iterator
from typing import Final

import anyio

from ..broker.claims import Claim
from ..broker.keys import TaskId
from ..broker.needs import Need
from .endings import StopCause
from .known import Known
from .process import deadline

ClaimKey = tuple[TaskId, int]
"""Task and fence."""
_NO_NEED: Final = Need()


class Held:
    """One claimed task, from its claim to its finish."""

    def __init__(self, claim: Claim, gpus: tuple[str, ...], need: Need = _NO_NEED) -> None:
        self.claim = claim
        self.gpus = gpus
        self.need = need
        self.is_started = False
        """Whether its program was started, or is just being started."""
        self.is_watched = False
        """Whether its program runs, so that another session could go on with it."""
        self.stopping = anyio.Event()
        self.cause: StopCause | None = None
        self.reason = ""
        self.outcome = ""
        """How it ended, when that was reported."""
        self.grace_s: float | None = None
        """None: the task's own."""
        self.servers = ("", "")
        """Which Redis gave the claim; see Signals.servers."""
        self.known: Known | None = None
        """All that is needed to make its record anew; None until it was verified."""
        self.make_anew: Callable[[], bool] = lambda: True
        """Set by its run: have the record made anew that Redis lost; False: it must not be."""
        self.tell_again: Callable[[], object] = bool
        """Set by its run: Redis may have lost what it was told of the task."""
        self.waiting_bytes: Callable[[], int] = int
        """Set by its run: how much of its output Redis does not have yet."""
        self.is_hanging = False
        """It showed no sign of life for long; see watchdog.py."""
        self.hurried = anyio.Event()
        """Set, and replaced, when a shorter grace is asked for."""
        self.safe_until_s = 0.0
        """Nobody else can have it claimed before; see deadline.py. 0: not known."""
        self.renewed = anyio.Event()
        """Set, and replaced, when that moves."""

    @property
    def key(self) -> ClaimKey:
        """What tells this claim from every other one."""
        return key_of(self.claim)

    def renew(self, sent_s: float, *, least_ms: int = 0) -> None:
        """Note that its lease was renewed, or begun, by what was sent at a time of boot_clock.

        Args:
            sent_s: the time.
            least_ms: how long the lease lasts at least.
        """
        until_s = deadline.after(sent_s, max(self.claim.lease_ms, least_ms))
        if until_s > self.safe_until_s:
            self.safe_until_s = until_s
            self.renewed.set()
            self.renewed = anyio.Event()

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
    """All of them, by claim: a task may be claimed anew while its lost claim still ends here."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._tasks: dict[ClaimKey, Held] = {}
        self._on_change = on_change

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: ClaimKey) -> bool:
        return key in self._tasks

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._tasks.values()))

    def add(self, held: Held) -> None:
        """Hold one more. An earlier claim of its task is lost, or there was nothing to claim."""
        for other in self:
            if other.claim.task_id == held.claim.task_id and other.claim.fence < held.claim.fence:
                other.stop(StopCause.LOST)
        self._tasks[held.key] = held
        self._on_change()

    def remove(self, held: Held) -> None:
        """Hold it no longer."""
        self._tasks.pop(held.key, None)
        self._on_change()

    def stop(self, task_id: TaskId, cause: StopCause, *, grace_s: float | None = None) -> None:
        """Ask one task to stop, if it is held."""
        for held in self:
            if held.claim.task_id == task_id:
                held.stop(cause, grace_s=grace_s)


def key_of(claim: Claim) -> ClaimKey:
    """Return what tells a claim from every other one."""
    return claim.task_id, claim.fence
