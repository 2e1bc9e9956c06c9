"""What an earlier session of this worker left behind: found again, and brought to its end.

Its programs went on under their shims. One that still runs is watched on as if nothing had been;
of one that ended, the true end is told; what died with its worker counts as a lost claim.
"""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread
import msgspec

from ..broker.claims import Claim
from ..broker.errors import RqAgentError
from ..broker.needs import Need
from ..broker.states import Phase
from . import endings
from .capacity import Capacity
from .endings import Ending, StopCause
from .held import Held, HeldTasks
from .process import left, leftovers, sessions, supervision
from .process.journal import Attempt, Journal
from .process.left import Left
from .process.sessions import Deaths
from .process.wait import Exit
from .run import Run
from .watch import Watch

log = logging.getLogger(__name__)

NO_DEATHS = Deaths()
_RETRY_S = 5.0
_FOUND_AGAIN = "rq-agent: the worker was restarted, and goes on with this task"


class Recovery:
    """Every open attempt of the sessions before, held from the first moment on."""

    def __init__(self, attempts: list[Attempt], tasks: HeldTasks, capacity: Capacity) -> None:
        """From here on the beats list them, and their room is taken."""
        self.found = [(attempt, held_of(attempt)) for attempt in attempts]
        for _, held in self.found:
            capacity.book(held.key, held.need, held.gpus)
            tasks.add(held)

    @classmethod
    async def of(
        cls,
        journal: Journal,
        folder: Path,
        tasks: HeldTasks,
        capacity: Capacity,
        *,
        deaths: Deaths = NO_DEATHS,
    ) -> Self:
        """Look into a journal, and for what runs and is not in it.

        `deaths`: sessions that died just before this one, maybe by one of their tasks.
        """
        known, culprit = await _judged(journal, deaths)
        folders = {Path(attempt.folder) for attempt in known}
        strays = await anyio.to_thread.run_sync(left.strays, folder / "tasks", folders)
        for stray in strays:
            log.warning("task %s: runs, but the journal does not know it", stray.task_id)
        await _note(journal, strays)
        found = cls([*known, *strays], tasks, capacity)
        found._stop(culprit)
        return found

    def _stop(self, culprit: Attempt | None) -> None:
        for attempt, held in self.found:
            if attempt is culprit:
                words = f"its worker died {attempt.sessions} times beside it"
                log.error("task %s: %s; stops it", attempt.task_id, words)
                held.stop(StopCause.POISON, reason=words, grace_s=0)


def kill_poison(journal: Journal, deaths: Deaths) -> None:
    """Kill at once what is to be stopped; later it is found, and told. Blocks for up to 2 s."""
    known = sessions.counted(journal.open_attempts(), died_young=deaths.is_one)
    culprit = sessions.poison(known, deaths.seen)
    if culprit is not None and culprit.handle is not None:
        leftovers.kill(culprit.handle)


async def _judged(journal: Journal, deaths: Deaths) -> tuple[list[Attempt], Attempt | None]:
    """Return what is left, with the last session counted, and what is to be stopped of it."""
    before = journal.open_attempts()
    known = sessions.counted(before, died_young=deaths.is_one)
    culprit = sessions.poison(known, deaths.seen)
    if culprit is not None:
        known = sessions.pardoned(known, culprit)
    if known != before:
        await _note(journal, known)
    return known, culprit


async def _note(journal: Journal, attempts: list[Attempt]) -> None:
    """Write attempts into the journal; a full disk is no reason not to go on with them."""
    if not attempts:
        return
    try:
        await journal.claimed(attempts)
    except RqAgentError as e:
        log.warning("%s; the next session looks again", e)


class FoundAgain:
    """One attempt of an earlier session."""

    def __init__(self, run: Run, attempt: Attempt) -> None:
        self._run = run
        self._held = run.held
        self._attempt = attempt

    async def ending(self) -> Ending | None:
        """Return how it ended; None when nothing may be reported."""
        found = await self._find()
        if found is None:
            return endings.of_never_started(self._held.cause, self._held.reason)
        executors = self._run.tools.executors
        # The journal of a newer version may name another one; what it started is a shim, too.
        executor = executors.get(found.terms.executor, executors["venv"])
        if not found.is_running:
            return self._ended(found, await executor.wait(found.handle))
        log.info("task %s: runs (pid %d); goes on", self._run.claim.task_id, found.handle.pid)
        self._run.shipping.say(_FOUND_AGAIN)
        self._run.phases.enter(Phase.RUNNING)
        exited = await Watch(self._run, executor, found.handle, found.terms).run()
        return endings.of_watched(exited, self._held.cause, self._held.reason)

    async def _find(self) -> Left | None:
        while True:
            try:
                return await anyio.to_thread.run_sync(left.find, self._attempt)
            except RqAgentError as e:  # a full disk: until it is known, nobody may run the task
                log.warning("task %s: %s", self._run.claim.task_id, e)
                await anyio.sleep(_RETRY_S)

    def _ended(self, found: Left, exited: Exit) -> Ending | None:
        held = self._held
        if held.cause is not None:
            return endings.of_stopped_unseen(exited, held.cause, held.reason)
        return endings.of_left_behind(
            exited,
            is_of_this_boot=found.is_of_this_boot,
            was_asked=(self._run.folder / supervision.STOP_NAME).exists(),
            timeout_s=found.terms.timeout_s,
        )


def held_of(attempt: Attempt) -> Held:
    """Return what the worker holds of an attempt."""
    gpus = left.gpus_of(attempt) if attempt.gpus is None else attempt.gpus
    held = Held(claim_of(attempt), gpus, need_of(attempt, gpus))
    held.is_started = True  # as far as anybody knows before it was looked for
    return held


def need_of(attempt: Attempt, gpus: tuple[str, ...]) -> Need:
    """Return what an attempt takes; what another version wrote otherwise counts as nothing."""
    known = {f: attempt.need[f] for f in Need.__struct_fields__ if f in attempt.need}
    try:
        return msgspec.convert({"gpus": len(gpus), **known}, Need)
    except msgspec.ValidationError:
        return Need(gpus=len(gpus))


def claim_of(attempt: Attempt) -> Claim:
    """Return the claim of an attempt; what an older version did not write down is blank."""
    token = {"task_id": attempt.task_id, "fence": attempt.fence, "nonce": attempt.nonce}
    convert = partial(msgspec.convert, type=Claim)
    try:
        return convert({**_BLANK, **attempt.claim, **token})
    except msgspec.ValidationError as e:
        log.warning("task %s: what the journal says of its claim: %s", attempt.task_id, e)
        return convert({**_BLANK, **token})


_BLANK: Mapping[str, object] = {
    "queue": "",
    "shape": "",
    "attempt": 0,
    "definition": "",
    "envelope": None,
    "lease_ms": 0,
    "name": "",
    "user": "",
    "priority": 0,
    "lost": 0,
    "timeout_ms": 0,
    "retry": "",
}
