"""One task from its claim to its end."""

import logging
import shutil
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from random import random

import anyio
import anyio.to_thread
import msgspec

from ..broker.claims import Claim, FinishCode
from ..broker.errors import (
    BrokerRefused,
    BrokerUnavailable,
    BuildError,
    RqAgentError,
    TrustError,
)
from ..broker.states import Phase
from ..broker.trust import TrustFileError
from . import endings
from .endings import Ending, StopCause
from .held import Held
from .patience import both, unless
from .phases import Phases
from .prepare import Preparation, Prepared, make_private, run_folder
from .process.handle import Handle
from .process.journal import Attempt
from .process.wait import Exit
from .retrying import finish_of
from .shipping import Shipping
from .tools import Tools

log = logging.getLogger(__name__)

_LAST_OUTPUT_S = 30.0
"""How long the end of a task waits for a Redis that refuses its last output: a full one."""
_RETRY_S = 1.0


class Runner:
    """Walks one task through its phases and reports its end."""

    def __init__(self, held: Held, tools: Tools) -> None:
        self._held = held
        self._claim = held.claim
        self._tools = tools
        self._folder = run_folder(tools, held.claim.task_id, held.claim.fence)
        self._shipping = Shipping(held.claim, self._folder, tools.logs, tools.leases)
        self._phases = Phases(held.claim, tools.leases)

    async def run(self) -> None:
        """Run the task. Returns when its end is reported, or nothing may be reported."""
        async with anyio.create_task_group() as tg:
            tg.start_soon(self._shipping.run)
            tg.start_soon(self._phases.run)
            ending = await self._ending()
            tg.cancel_scope.cancel()
        if ending is not None:
            await self._ship_the_rest()
            await self._report(ending)

    async def clean_up(self) -> None:
        """Forget the task, and remove what was only needed to run it."""
        await self._forget()
        await anyio.to_thread.run_sync(self._tidy)

    async def _ending(self) -> Ending | None:
        try:
            make_private(self._folder)
            async with AsyncExitStack() as stack:
                prepared = await unless(self._held.stopping, partial(self._prepare, stack))
                return await self._watch(prepared) if prepared else self._stopped_early()
        except TrustFileError as e:
            return self._give_back(str(e))
        except TrustError as e:
            return self._errored(f"quarantined: {e}", may_retry=False)
        except BuildError as e:
            return self._ended_errored(f"environment: {e}")  # the tool's words are in the log
        except RqAgentError as e:
            return self._errored(str(e))
        except OSError as e:
            words = endings.machine_words(e, self._folder)
            return self._errored(f"worker {self._tools.config.name}: {words}")

    async def _prepare(self, stack: AsyncExitStack) -> Prepared:
        """Prepare while the journal is written: both must be done before anything starts."""
        preparation = Preparation(
            self._held,
            self._tools,
            self._folder,
            stack,
            say=self._shipping.say,
            enter=self._phases.enter,
        )
        written = [attempt(self._claim, self._folder)]
        _, prepared = await both(partial(self._tools.journal.claimed, written), preparation.prepare)
        return prepared

    async def _watch(self, prepared: Prepared) -> Ending | None:
        handle = await prepared.start()
        self._phases.enter(Phase.RUNNING)
        async with anyio.create_task_group() as tg:
            tg.start_soon(self._remember, handle)
            tg.start_soon(self._stop_when_asked, prepared, handle)
            tg.start_soon(self._time_out, prepared.signed.timeout_s)
            exited = await prepared.executor.wait(handle)
            tg.cancel_scope.cancel()
        return self._judge(exited)

    async def _stop_when_asked(self, prepared: Prepared, handle: Handle) -> None:
        await self._held.stopping.wait()
        async with anyio.create_task_group() as stops:
            while True:
                hurried = self._held.hurried
                asked_s = self._held.grace_s
                grace_s = prepared.signed.grace_s if asked_s is None else asked_s
                stops.start_soon(partial(prepared.executor.stop, handle, grace_s=grace_s))
                await hurried.wait()

    async def _time_out(self, timeout_s: float) -> None:
        if timeout_s:
            await anyio.sleep(timeout_s)
            self._held.stop(StopCause.TIMED_OUT, reason=f"timed out after {timeout_s:g} s")

    def _judge(self, exited: Exit) -> Ending | None:
        cause = self._held.cause
        if cause is StopCause.LOST or (cause is not None and exited.stopped_by):
            return endings.of_stop(cause, self._held.reason, exited)
        return endings.of_exit(exited)

    def _stopped_early(self) -> Ending | None:
        return endings.of_stop(self._held.cause or StopCause.CANCELLED, self._held.reason)

    def _errored(self, reason: str, *, may_retry: bool = True) -> Ending | None:
        ending = self._ended_errored(reason, may_retry=may_retry)
        if ending is not None:
            self._shipping.say(f"rq-agent: {ending.reason}")
        return ending

    def _ended_errored(self, reason: str, *, may_retry: bool = True) -> Ending | None:
        if self._held.cause is StopCause.LOST:
            return None
        ending = endings.errored(reason, may_retry=may_retry)
        log.warning("task %s: %s", self._claim.task_id, ending.reason)
        return ending

    def _give_back(self, why: str) -> Ending | None:
        """The fault is this worker's: it claims no more, and another one runs the task."""
        log.error("%s; this worker claims no more", why)
        self._tools.signals.drain(why)
        self._held.stop(StopCause.RELEASED, reason=why)
        return self._stopped_early()

    async def _ship_the_rest(self) -> None:
        """Ship before the end is told: who waits for the end then finds all the output."""
        with anyio.move_on_after(_LAST_OUTPUT_S) as scope:
            while self._held.cause is not StopCause.LOST:
                try:
                    return await self._shipping.ship(final=True)
                except BrokerRefused as e:
                    log.warning("task %s: last output: %s", self._claim.task_id, e)
                except BrokerUnavailable as e:
                    log.warning("task %s: last output: %s", self._claim.task_id, e)
                    # Its end can't be told either, so giving up would gain nothing.
                    scope.deadline = anyio.current_time() + _LAST_OUTPUT_S
                await anyio.sleep(_RETRY_S)

    async def _remember(self, handle: Handle) -> None:
        try:
            await self._tools.journal.started(handle)
        except RqAgentError as e:  # the next session finds the process by its run folder too
            log.warning("task %s: %s", self._claim.task_id, e)

    async def _forget(self) -> None:
        try:
            await self._tools.journal.ended(self._claim.task_id, self._claim.fence)
        except RqAgentError as e:  # the next session asks about it, and hears that it has ended
            log.warning("task %s: %s", self._claim.task_id, e)

    async def _report(self, ending: Ending) -> None:
        finish = finish_of(self._claim, ending, random=random)
        code = await self._tools.finisher.deliver(finish)
        if code in (FinishCode.FENCED, FinishCode.GONE):
            log.warning("task %s: another claim owns it; end not accepted", self._claim.task_id)
        else:
            self._held.outcome = finish.outcome
            what = finish.reason or f"exit {finish.exit_code}"
            log.info("task %s: %s (%s)", self._claim.task_id, finish.outcome, what)

    def _tidy(self) -> None:
        """Remove what was only needed to run; the output stays for `keep_runs_s`."""
        for name in ("tree", "venv", "environment"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        for name in ("spec.json", "wanted.json", "exit.reserved"):
            with suppress(OSError):  # the task may have put anything in its place
                (self._folder / name).unlink()


def attempt(claim: Claim, folder: Path) -> Attempt:
    """Return what the journal keeps of a claim. The envelope may hold values of a person."""
    bare = msgspec.structs.replace(claim, envelope=None)
    return Attempt(
        task_id=claim.task_id,
        fence=claim.fence,
        nonce=claim.nonce,
        folder=str(folder),
        claim=msgspec.to_builtins(bare),
    )
