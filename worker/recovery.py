"""What an earlier session of this worker left behind when it was killed.

Its processes went on under their shims. Each is ended, or its end was missed: either way the
broker is told, so that no task waits for its lease to run out.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from random import random

import anyio
import anyio.to_thread
import msgspec

from ..broker.claims import Claim, FinishCode, Outcome
from . import endings
from .endings import Ending
from .finisher import Finisher
from .held import Held, HeldTasks
from .process import spec
from .process.handle import recover
from .process.journal import Attempt, Journal
from .process.stop import stop
from .process.wait import LOST, Exit, read_exit, wait
from .retrying import finish_of

log = logging.getLogger(__name__)


class Recovery:
    """Ends what is left of every open attempt, all at once, and reports each."""

    def __init__(self, journal: Journal, tasks: HeldTasks, finisher: Finisher) -> None:
        """From here on the beats list what is left: nobody else runs it before it has ended."""
        self._journal = journal
        self._tasks = tasks
        self._finisher = finisher
        self._left = [(a, Held(claim_of(a), ())) for a in journal.open_attempts()]
        for _, held in self._left:
            tasks.add(held)

    async def run(self) -> None:
        """Return when nothing is left."""
        async with anyio.create_task_group() as tg:
            for attempt, held in self._left:
                tg.start_soon(self._recover, attempt, held)

    async def _recover(self, attempt: Attempt, held: Held) -> None:
        ending = of_left_behind(await end(attempt))
        finish = finish_of(held.claim, ending, random=random)
        code = await self._finisher.deliver(finish)
        what = "no longer ours" if code in (FinishCode.FENCED, FinishCode.GONE) else finish.outcome
        log.warning("task %s: left by an earlier session of this worker: %s", attempt.task_id, what)
        self._tasks.remove(held)
        await self._journal.ended(attempt.task_id, attempt.fence)


async def end(attempt: Attempt) -> Exit | None:
    """Stop the process of an attempt if it still runs; return how it ended, None if unknown."""
    folder = Path(attempt.folder)
    handle = attempt.handle or await anyio.to_thread.run_sync(recover, folder)
    if handle is None:
        return await anyio.to_thread.run_sync(read_exit, folder)
    started = await anyio.to_thread.run_sync(spec.read, folder)
    await stop(handle, grace_s=started.grace_s if started else 0)
    return await wait(handle)


def claim_of(attempt: Attempt) -> Claim:
    """Return the claim of an attempt; what an older version did not write down is blank."""
    blank: Mapping[str, object] = {
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
    token = {"task_id": attempt.task_id, "fence": attempt.fence, "nonce": attempt.nonce}
    return msgspec.convert({**blank, **attempt.claim, **token}, Claim)


def of_left_behind(exited: Exit | None) -> Ending:
    """Return the ending of an attempt whose worker was killed.

    A process that ended by itself has its true end. One that we stopped, or that nobody knows
    the end of, goes back into its own place.
    """
    if exited is None or exited.stopped_by is not None or exited.error == LOST:
        return Ending(outcome=Outcome.RELEASE, reason="worker was killed")
    return endings.of_exit(exited)
