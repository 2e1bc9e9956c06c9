"""One attempt from its claim to its end, as far as fresh and found ones go alike."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import random

import anyio
import anyio.to_thread

from ..broker.claims import FinishCode
from ..broker.errors import BrokerRefused, BrokerUnavailable, RqAgentError
from .endings import Ending, StopCause
from .retrying import finish_of
from .run import Run
from .run_folder import remove_what_is_large

log = logging.getLogger(__name__)

_LAST_OUTPUT_S = 30.0
"""How long the end of a task waits for a Redis that refuses its last output: a full one."""
_RETRY_S = 1.0


class Runner:
    """Ships what one attempt says while it is under way, and reports its end."""

    def __init__(self, run: Run, ending_of: Callable[[], Awaitable[Ending | None]]) -> None:
        """`ending_of` brings it to its end; None: nothing may be reported."""
        self._run = run
        self._ending_of = ending_of
        self._held = run.held
        self._claim = run.claim
        self._tools = run.tools
        self._folder = run.folder

    async def run(self) -> None:
        """Run the task. Returns when its end is reported, or nothing may be reported."""
        async with anyio.create_task_group() as tg:
            tg.start_soon(self._run.shipping.run)
            tg.start_soon(self._run.phases.run)
            ending = await self._ending_of()
            tg.cancel_scope.cancel()
        await self._run.spool.shorten()
        if ending is not None:
            await self._ship_the_rest()
            await self._report(ending)

    async def clean_up(self) -> None:
        """Forget the task, and remove what was only needed to run it."""
        await self._forget()
        await anyio.to_thread.run_sync(self._tidy)

    async def _ship_the_rest(self) -> None:
        """Ship before the end is told: who waits for the end then finds all the output."""
        level = logging.WARNING
        with anyio.move_on_after(_LAST_OUTPUT_S) as scope:
            while self._held.cause is not StopCause.LOST:
                try:
                    return await self._run.shipping.ship(final=True)
                except BrokerUnavailable as e:
                    log.log(
                        level,
                        "task %s has ended; its last output waits: %s",
                        self._claim.task_id,
                        e,
                    )
                    if self._tools.signals.outage.is_away or not isinstance(e, BrokerRefused):
                        # Its end can't be told either, so giving up would gain nothing.
                        scope.deadline = anyio.current_time() + _LAST_OUTPUT_S
                level = logging.DEBUG  # the worker tells how long it lasts
                await anyio.sleep(_RETRY_S)

    async def _forget(self) -> None:
        try:
            await self._tools.journal.ended(self._claim.task_id, self._claim.fence)
        except RqAgentError as e:  # the next session asks about it, and hears that it has ended
            log.warning("task %s: %s", self._claim.task_id, e)

    async def _report(self, ending: Ending) -> None:
        finish = finish_of(self._claim, ending, random=random, lasted_ms=self._held.lasted_ms)
        retell = partial(self._tools.retelling.heard, self._run, finish)
        code = await self._tools.finisher.deliver(finish, retell=retell)
        if code is FinishCode.GONE and await self._tools.recreations.make(self._run):
            await self._ship_the_rest()
            code = await self._tools.finisher.deliver(finish, retell=retell)
        if self._run.shipping.is_doubtful:  # redis came back older while the end waited for it
            await self._ship_the_rest()
        if code in (FinishCode.FENCED, FinishCode.GONE):
            log.warning("task %s: another claim owns it; end not accepted", self._claim.task_id)
        else:
            self._held.outcome = finish.outcome
            what = finish.reason or f"exit {finish.exit_code}"
            log.info("task %s: %s (%s)", self._claim.task_id, finish.outcome, what)

    def _tidy(self) -> None:
        """Remove what was only needed to run; the output stays for `keep_runs_s`."""
        remove_what_is_large(self._folder)
        for name in ("spec.json", "wanted.json", "exit.reserved", "claim"):
            with suppress(OSError):  # the task may have put anything in its place
                (self._folder / name).unlink()
