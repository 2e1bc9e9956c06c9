"""What an earlier session of this worker left behind: found again, and brought to its end.

Its programs went on under their shims. One that still runs is watched on as if nothing had been;
of one that ended, the true end is told; what died with its worker counts as a lost claim.
"""

import logging
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread

from ..broker.errors import RqAgentError
from ..broker.states import Phase
from . import endings
from .capacity import Capacity
from .endings import Ending, StopCause
from .held import HeldTasks
from .noted import held_of
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
