"""A task that was just claimed: prepared, started, watched."""

import logging
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec

from ..broker.errors import BuildError, RqAgentError, SnapshotError, TrustError
from ..broker.states import Phase
from ..broker.trust import TrustFileError
from . import endings
from .endings import Ending, StopCause
from .held import Held
from .noted import numbers_of
from .patience import both, unless
from .prepare import Preparation, Prepared
from .process import boot_clock
from .process.journal import Attempt, WatchTerms
from .room import is_disk_full
from .run import Run
from .run_folder import make_private, remove_what_is_large
from .watch import Watch

log = logging.getLogger(__name__)


class Fresh:
    """Walks one task through its phases."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._held = run.held
        self._tools = run.tools
        self._folder = run.folder

    async def ending(self) -> Ending | None:
        """Return how it ended; None when nothing may be reported."""
        try:
            make_private(self._folder)
            async with AsyncExitStack() as stack:
                prepared = await unless(self._held.stopping, partial(self._prepare, stack))
                return await self._start(prepared) if prepared else self._stopped_early()
        except TrustFileError as e:
            return self._give_back(str(e))
        except TrustError as e:
            return self._errored(f"quarantined: {e}", may_retry=False)
        except BuildError as e:
            reason = f"environment: {e}"  # the tool's words are in the log
            return await self._without_room(e, reason) or self._ended_errored(reason)
        except RqAgentError as e:
            return await self._without_room(e, str(e)) or self._errored(str(e))
        except OSError as e:
            words = endings.machine_words(e, self._folder)
            reason = f"worker {self._tools.config.name}: {words}"
            return await self._without_room(e, reason) or self._errored(reason)

    async def _prepare(self, stack: AsyncExitStack) -> Prepared:
        """Prepare while the journal is written: both must be done before anything starts."""
        preparation = Preparation(
            self._held,
            self._tools,
            self._folder,
            stack,
            say=self._run.shipping.say,
            enter=self._run.phases.enter,
        )
        written = [attempt(self._held, self._folder)]
        _, prepared = await both(partial(self._tools.journal.claimed, written), preparation.prepare)
        return prepared

    async def _start(self, prepared: Prepared) -> Ending | None:
        self._held.is_started = True
        kills = prepared.signed.exclusive == "kill"
        handle = await prepared.start(deadline_s=self._held.safe_until_s if kills else 0.0)
        terms = WatchTerms(
            executor=prepared.executor_name,
            grace_s=prepared.signed.grace_s,
            timeout_s=prepared.signed.timeout_s,
            started_s=boot_clock.now_s(),
            exclusive=prepared.signed.exclusive,
        )
        self._run.phases.enter(Phase.RUNNING)
        exited = await Watch(self._run, prepared.executor, handle, terms).run()
        return endings.of_watched(exited, self._held.cause, self._held.reason)

    def _stopped_early(self) -> Ending | None:
        return endings.of_stop(self._held.cause or StopCause.CANCELLED, self._held.reason)

    def _errored(self, reason: str, *, may_retry: bool = True) -> Ending | None:
        ending = self._ended_errored(reason, may_retry=may_retry)
        if ending is not None:
            self._run.shipping.say(f"rq-agent: {ending.reason}")
        return ending

    def _ended_errored(self, reason: str, *, may_retry: bool = True) -> Ending | None:
        if self._held.cause is StopCause.LOST:
            return None
        ending = endings.errored(reason, may_retry=may_retry)
        log.warning("task %s: %s", self._run.claim.task_id, ending.reason)
        return ending

    async def _without_room(self, error: Exception, reason: str) -> Ending | None:
        """Give it back where the disk is full, and it is not the task that is too large for it."""
        if not is_disk_full(error) and not (
            isinstance(error, SnapshotError) and await self._tools.room.is_short()
        ):  # git does not say why it can't write a file
            return None
        await anyio.to_thread.run_sync(remove_what_is_large, self._folder)
        if await self._tools.room.refuse(self._run.claim.task_id):
            return self._errored(f"{reason}; the disk of {self._tools.config.name} is too small")
        log.warning("task %s: %s; given back", self._run.claim.task_id, reason)
        self._held.stop(StopCause.RELEASED, reason=reason)
        return self._stopped_early()

    def _give_back(self, why: str) -> Ending | None:
        """The fault is this worker's: it claims no more, and another one runs the task."""
        log.error("%s; this worker claims no more", why)
        self._tools.signals.drain(why)
        self._held.stop(StopCause.RELEASED, reason=why)
        return self._stopped_early()


def attempt(held: Held, folder: Path) -> Attempt:
    """Return what the journal keeps of a claim. The envelope may hold values of a person."""
    claim = held.claim
    return Attempt(
        task_id=claim.task_id,
        fence=claim.fence,
        nonce=claim.nonce,
        folder=str(folder),
        claim=msgspec.to_builtins(msgspec.structs.replace(claim, envelope=None)),
        gpus=held.gpus,
        need=numbers_of(held.need),
    )
