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
    """One claimed task, from its claim to its finish.

    A worker may hold ten thousand: what few of them need is made when it is asked for.
    """

    __slots__ = (
        *("_hurried", "_renewed", "_stopping", "cause", "claim", "gpus", "grace_s", "heed"),
        *("is_hanging", "is_started", "is_watched", "key", "known", "lasted_ms", "make_anew"),
        *("need", "outcome", "pid", "reason", "safe_until_s", "servers", "tell_again"),
        "waiting_bytes",
    )

    def __init__(self, claim: Claim, gpus: tuple[str, ...], need: Need = _NO_NEED) -> None:
        self.claim = claim
        self.key = key_of(claim)
        """What tells this claim from every other one."""
        self.gpus = gpus
        self.need = need
        self.is_started = False
        """Whether its program was started, or is just being started."""
        self.is_watched = False
        """Whether its program runs, so that another session could go on with it."""
        self.pid = 0
        """Of its shim, while its program is watched."""
        self.cause: StopCause | None = None
        self.reason = ""
        self.outcome = ""
        """How it ended, when that was reported."""
        self.lasted_ms: int | None = None
        """How long its program ran; None: it did not, or has not ended."""
        self.grace_s: float | None = None
        """None: the task's own."""
        self.servers = ("", "")
        """Which Redis gave the claim; see Signals.servers."""
        self.known: Known | None = None
        """All that is needed to make its record anew; None until it was verified."""
        self.heed: Callable[[Held], object] = _nothing
        """Set by its run: told when it is to stop, or sooner than it was told before."""
        self.make_anew: Callable[[], bool] = _yes
        """Set by its run: have the record made anew that Redis lost; False: it must not be."""
        self.tell_again: Callable[[], object] = bool
        """Set by its run: Redis may have lost what it was told of the task."""
        self.waiting_bytes: Callable[[], int] = int
        """Set by its run: how much of its output Redis does not have yet."""
        self.is_hanging = False
        """It showed no sign of life for long; see watchdog.py."""
        self.safe_until_s = 0.0
        """Nobody else can have it claimed before; see deadline.py. 0: not known."""
        self._stopping: anyio.Event | None = None
        self._hurried: anyio.Event | None = None
        self._renewed: anyio.Event | None = None

    @property
    def stopping(self) -> anyio.Event:
        """Set when it is to stop."""
        if self._stopping is None:
            self._stopping = anyio.Event()
            if self.cause is not None:
                self._stopping.set()
        return self._stopping

    @property
    def hurried(self) -> anyio.Event:
        """Set, and replaced, when a shorter grace is asked for."""
        self._hurried = self._hurried or anyio.Event()
        return self._hurried

    @property
    def renewed(self) -> anyio.Event:
        """Set, and replaced, when `safe_until_s` moves."""
        self._renewed = self._renewed or anyio.Event()
        return self._renewed

    def renew(self, sent_s: float, *, least_ms: int = 0) -> None:
        """Note that its lease was renewed, or begun, by what was sent at a time of boot_clock.

        Args:
            sent_s: the time.
            least_ms: how long the lease lasts at least.
        """
        until_s = deadline.after(sent_s, max(self.claim.lease_ms, least_ms))
        if until_s > self.safe_until_s:
            self.safe_until_s = until_s
            if self._renewed is not None:
                self._renewed.set()
                self._renewed = None

    def stop(self, cause: StopCause, *, reason: str = "", grace_s: float | None = None) -> None:
        """Ask for the end. The first cause stays, but LOST overrides: then nothing counts.

        Asked again, the shorter grace counts.
        """
        is_news = self.cause is None or (
            cause is StopCause.LOST and self.cause is not StopCause.LOST
        )
        if is_news:
            self.cause, self.reason = cause, reason
        if grace_s is not None and (self.grace_s is None or grace_s < self.grace_s):
            self.grace_s = grace_s
            is_news = True
            if self._hurried is not None:
                self._hurried.set()
                self._hurried = None
        if self._stopping is not None:
            self._stopping.set()
        if is_news:
            self.heed(self)


class HeldTasks:
    """All of them, by claim: a task may be claimed anew while its lost claim still ends here."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._tasks: dict[ClaimKey, Held] = {}
        self._of_task: dict[TaskId, tuple[Held, ...]] = {}
        self._on_change = on_change

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: ClaimKey) -> bool:
        return key in self._tasks

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._tasks.values()))

    def get(self, key: ClaimKey) -> Held | None:
        """Return what is held of a claim."""
        return self._tasks.get(key)

    def add(self, *tasks: Held) -> None:
        """Hold more. An earlier claim of such a task is lost, or there was nothing to claim."""
        for held in tasks:
            task_id, fence = held.key
            others = self._of_task.get(task_id, ())
            for other in others:
                if other.claim.fence < fence:
                    other.stop(StopCause.LOST)
            self._of_task[task_id] = (*others, held)
            self._tasks[held.key] = held
        self._on_change()

    def remove(self, *tasks: Held) -> None:
        """Hold them no longer."""
        for held in tasks:
            self._tasks.pop(held.key, None)
            task_id = held.claim.task_id
            left = tuple(h for h in self._of_task.get(task_id, ()) if h is not held)
            if left:
                self._of_task[task_id] = left
            else:
                self._of_task.pop(task_id, None)
        self._on_change()

    def stop(self, task_id: TaskId, cause: StopCause, *, grace_s: float | None = None) -> None:
        """Ask one task to stop, if it is held."""
        for held in self._of_task.get(task_id, ()):
            held.stop(cause, grace_s=grace_s)


def key_of(claim: Claim) -> ClaimKey:
    """Return what tells a claim from every other one."""
    return claim.task_id, claim.fence


def _nothing(held: Held) -> None:
    """Where nobody is to be told."""


def _yes() -> bool:
    return True
