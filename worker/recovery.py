"""What an earlier session of this worker left behind when it was killed.

Its processes went on under their shims. Each is ended, or its end was missed: either way the
broker is told, so that no task waits for its lease to run out.
"""

import logging
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from ..broker.claims import Finish, FinishCode, Outcome, Token
from ..broker.keys import TaskId
from . import endings
from .endings import Ending
from .finisher import Finisher
from .process.handle import recover
from .process.journal import Attempt, Journal
from .process.stop import stop
from .process.wait import Exit, read_exit

log = logging.getLogger(__name__)

_GRACE_S = 30.0


async def recover_all(journal: Journal, finisher: Finisher) -> None:
    """End what is left of every open attempt, all at once, and report each."""
    async with anyio.create_task_group() as tg:
        for attempt in journal.open_attempts():
            tg.start_soon(_recover, attempt, journal, finisher)


async def _recover(attempt: Attempt, journal: Journal, finisher: Finisher) -> None:
    ending = of_left_behind(await _end(attempt))
    code = await finisher.deliver(
        Finish(
            claim=Token(task_id=TaskId(attempt.task_id), fence=attempt.fence, nonce=attempt.nonce),
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            reason=ending.reason,
        )
    )
    what = "no longer ours" if code in (FinishCode.FENCED, FinishCode.GONE) else ending.outcome
    log.warning("task %s: left by an earlier session of this worker: %s", attempt.task_id, what)
    await journal.ended(attempt.task_id, attempt.fence)


async def _end(attempt: Attempt) -> Exit | None:
    """Stop the process of an attempt if it still runs, and return how it ended."""
    folder = Path(attempt.folder)
    handle = attempt.handle or await anyio.to_thread.run_sync(recover, folder)
    if handle is not None:
        await stop(handle, grace_s=_GRACE_S)
    return await anyio.to_thread.run_sync(partial(read_exit, folder))


def of_left_behind(exited: Exit | None) -> Ending:
    """Return the ending of an attempt whose worker was killed.

    A process that ended by itself has its true end. One that we stopped, or that nobody knows
    the end of, goes back into its own place.
    """
    if exited is None or exited.stopped_by is not None:
        return Ending(outcome=Outcome.RELEASE, reason="worker was killed")
    return endings.of_exit(exited)
