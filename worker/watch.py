"""Watches one started program until it has ended, whoever started it.

A fresh program and one that an earlier session of this worker left are watched alike.
"""

import logging
from functools import partial

import anyio

from ..broker.errors import RqAgentError
from .endings import StopCause
from .executors.base import Executor
from .process import boot_clock
from .process.handle import Handle
from .process.journal import WatchTerms
from .process.wait import Exit
from .renewals import tell_shim
from .run import Run
from .watchdog import Watchdog

log = logging.getLogger(__name__)

_LONGEST_S = 60.0
"""A machine that slept notices within this time that a program has run too long."""


class Watch:
    """Waits for the end of a program, and brings it about when that is asked for."""

    def __init__(self, run: Run, executor: Executor, handle: Handle, terms: WatchTerms) -> None:
        self._run = run
        self._held = run.held
        self._executor = executor
        self._handle = handle
        self._terms = terms

    async def run(self) -> Exit:
        """Return how the program ended. It goes on where only this is cancelled."""
        self._held.pid = self._handle.pid
        try:
            async with anyio.create_task_group() as beside:
                # What goes on as long as the program runs is started here, one line each.
                beside.start_soon(self._remember)
                beside.start_soon(self._stop_when_asked)
                if self._terms.timeout_s:
                    beside.start_soon(self._time_out)
                if self._terms.exclusive == "kill":
                    beside.start_soon(tell_shim, self._held, self._run.folder)
                beside.start_soon(self._run.spool.run)
                beside.start_soon(Watchdog(self._run, self._handle).run)
                exited = await self._executor.wait(self._handle)
                lasted_s = boot_clock.now_s() - self._terms.started_s
                self._held.lasted_ms = max(0, int(lasted_s * 1000))
                beside.cancel_scope.cancel()
        finally:
            self._held.is_watched = False
            self._held.pid = 0
        return exited

    async def _remember(self) -> None:
        try:
            await self._run.tools.journal.started(self._handle, self._terms)
        except RqAgentError as e:  # the next session finds the process by its run folder too
            log.warning("task %s: %s", self._run.claim.task_id, e)
        self._held.is_watched = True

    async def _stop_when_asked(self) -> None:
        await self._held.stopping.wait()
        async with anyio.create_task_group() as stops:
            while True:
                hurried = self._held.hurried
                asked_s = self._held.grace_s
                grace_s = self._terms.grace_s if asked_s is None else asked_s
                stops.start_soon(partial(self._executor.stop, self._handle, grace_s=grace_s))
                await hurried.wait()

    async def _time_out(self) -> None:
        """The clock of the event loop stands still while the machine is suspended."""
        limit_s = self._terms.timeout_s
        until_s = self._terms.started_s + limit_s
        while (left_s := until_s - boot_clock.now_s()) > 0:  # noqa: ASYNC110 - a clock, no event
            await anyio.sleep(min(left_s, _LONGEST_S))
        self._held.stop(StopCause.TIMED_OUT, reason=f"timed out after {limit_s:g} s")
