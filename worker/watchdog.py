"""Notices a task that hangs, and writes into its log where it stands. It never stops it."""

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import psutil

from ..broker.errors import BrokerUnavailable
from ..broker.spans import span
from . import stacks
from .process.handle import Handle, is_alive
from .process.spool import STREAMS
from .run import Run
from .stillness import Signs, Stillness, first, look_every_s, step

log = logging.getLogger(__name__)

_INDENT: Final = "  "
_LONGEST_FIRST_S: Final = 1.0
"""A look goes through all processes of the machine: a task that ends sooner gets none."""


class Watchdog:
    """Looks at one started task as long as it runs."""

    def __init__(self, run: Run, handle: Handle) -> None:
        self._run = run
        self._held = run.held
        self._handle = handle
        self._limit_s = run.tools.config.watchdog_s
        self._told: bool | None = None
        """Whether Redis was told that it hangs; None: an earlier session may have told."""

    async def run(self) -> None:
        """Look forever."""
        if not self._limit_s:
            return
        every_s = look_every_s(self._limit_s)
        await anyio.sleep(min(every_s, _LONGEST_FIRST_S))
        state = first(await self._look(time.monotonic()))
        while True:
            await anyio.sleep(every_s)
            seen = await self._look(state.last.at_s)
            state, news = step(state, seen, limit_s=self._limit_s)
            self._held.is_hanging = state.is_hanging
            if news == "hanging":
                await self._report(state)
            elif news == "moving":
                log.warning("task %s: moves again", self._held.claim.task_id)
                self._run.shipping.say("rq-agent: it moves again")
            await self._tell(state)

    async def _look(self, since_s: float) -> Signs:
        cpu_s = await anyio.to_thread.run_sync(partial(cpu_used_s, self._handle))
        return Signs(
            at_s=time.monotonic(),
            output_bytes=output_bytes(Path(self._handle.folder)),
            cpu_s=cpu_s,
            gpu_busy=bool(self._gpu_use(since_s)),
        )

    async def _report(self, state: Stillness) -> None:
        """Warn, and write the stacks as one block."""
        still = f"{self._no_signs(state)} for {span(int(state.still_s * 1000))}"
        log.warning("task %s: hangs: %s", self._held.claim.task_id, still)
        pids = await anyio.to_thread.run_sync(partial(processes_of, self._handle))
        found = await stacks.lines_of(pids)
        self._run.shipping.say(f"rq-agent: it seems to hang: {still}; where its processes stand:")
        for line in found:
            self._run.shipping.say(_INDENT + line)

    def _gpu_use(self, since_s: float) -> bool | None:
        if not self._held.gpus:
            return False
        return self._run.tools.telemetry.gpu_use.since(self._held.gpus, since_s)

    def _no_signs(self, state: Stillness) -> str:
        if not self._held.gpus:
            return "no output and no CPU use"
        if self._gpu_use(state.since_s) is None:
            return "no output and no CPU use (what its GPU does is not known)"
        return "no output, no CPU and no GPU use"

    async def _tell(self, state: Stillness) -> None:
        """Tell Redis what it does not know yet; a missing one is told at the next look."""
        if self._told is state.is_hanging or not (state.is_hanging or state.still_s == 0):
            return
        try:
            still_ms = max(1, int(state.still_s * 1000)) if state.is_hanging else 0
            await self._run.tools.leases.hang(self._held.claim, still_ms=still_ms)
        except BrokerUnavailable as e:
            log.debug("task %s: %s; told later whether it hangs", self._held.claim.task_id, e)
        else:
            self._told = state.is_hanging


def output_bytes(folder: Path) -> int:
    """Return how much a task has written to both streams, as far as its files tell."""
    sizes = 0
    for stream in STREAMS:
        try:
            sizes += os.stat(folder / stream).st_size
        except OSError:  # nothing yet, or the task took it away
            continue
    return sizes


def cpu_used_s(handle: Handle) -> float:
    """Return the time that a task has used of all cores, with what ended below it."""
    used_s = 0.0
    for process in _tree(handle):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used_s += times.user + times.system
        used_s += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return used_s


def processes_of(handle: Handle) -> list[int]:
    """Return the processes of a task, parents first, without its shim."""
    return [process.pid for process in _tree(handle)[1:]]


def _tree(handle: Handle) -> list[psutil.Process]:
    if not is_alive(handle):
        return []
    try:
        shim = psutil.Process(handle.pid)
        return [shim, *shim.children(recursive=True)]
    except psutil.Error:
        return []
