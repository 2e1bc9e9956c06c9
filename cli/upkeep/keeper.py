"""Keeps one process running: starts it, starts it again, ends it."""

import logging
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec

from . import logs, pacing, processes
from .place import Condition, PartState
from .processes import Process
from .wanted import WORKERS, Part

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.05
_SURELY_READY_S: Final = 10.0
"""A process that lives so long is taken to run, whatever its log says: the disk may be full."""
_END_S: Final = 15.0
"""What holds no tasks must have ended after this."""


class Keeper:
    """One process of `up`.

    Args:
        part: what to run.
        log_path: of its output.
        environ: of the process; secrets go here, since everybody can read arguments.
        tell: called after each change of `state`.
        adopted: one that runs already, which a supervisor before us started.
    """

    def __init__(
        self,
        part: Part,
        log_path: Path,
        environ: Mapping[str, str],
        tell: Callable[[], None],
        adopted: PartState | None,
    ) -> None:
        self.state = adopted or PartState(
            name=part.name, state="starting", arguments=part.arguments, log=str(log_path)
        )
        self._part = part
        self._log = log_path
        self._environ = environ
        self._tell = tell
        self._short_lives = 0
        self._again = anyio.Event()

    async def run(self) -> None:
        """Keep it running until cancelled, which leaves the process alone."""
        if self.state.process is not None:
            log.info("%s: runs already, pid %d", self._part.name, self.state.process.pid)
            self._change("running")
            await self._live(self.state.process)
        while True:
            try:
                process = self._start()
            except OSError as e:
                await self._rest(f"can't be started: {e}", lived_s=0.0)
            else:
                await self._live(process)

    def try_again(self) -> None:
        """Start it now if it does not run: somebody asked for it."""
        if self.state.process is not None:
            return
        self._short_lives = 0
        self._change("starting")
        self._again.set()
        self._again = anyio.Event()

    async def end(self, hurry: anyio.Event) -> None:
        """End it, and return when it has. A worker first finishes what it runs.

        Args:
            hurry: set when a worker shall give back what it runs instead.
        """
        process = self.state.process
        if process is None or not processes.tell(process, signal.SIGTERM):
            return
        self._change("stopping")
        async with anyio.create_task_group() as tg:
            tg.start_soon(self._press, process, hurry)
            await processes.until_gone(process)
            tg.cancel_scope.cancel()
        processes.reap(process)

    async def _press(self, process: Process, hurry: anyio.Event) -> None:
        if self._part.name not in WORKERS:
            await anyio.sleep(_END_S)
            processes.tell(process, signal.SIGKILL)
            return
        await hurry.wait()
        processes.tell(process, signal.SIGTERM)

    def _start(self) -> Process:
        begin = logs.size(self._log)
        process = processes.start(self._part.arguments, self._log, self._environ)
        log.info("%s: started, pid %d", self._part.name, process.pid)
        starts = self.state.starts + 1
        self._change("starting", process=process, starts=starts, log_begin=begin)
        return process

    async def _live(self, process: Process) -> None:
        """Return when it has ended, and it is time for the next one."""
        began = time.monotonic()
        async with anyio.create_task_group() as tg:
            tg.start_soon(self._notice_readiness)
            await processes.until_gone(process)
            tg.cancel_scope.cancel()
        code = processes.reap(process)
        if code == 0 and self._part.name in WORKERS:
            await self._stay_away()
        else:
            await self._rest(processes.in_words(code), lived_s=time.monotonic() - began)

    async def _stay_away(self) -> None:
        """A worker that leaves of its own accord was told to: `worker drain`, `worker stop`."""
        log.info("%s: has left as it was told; `rq-agent up` starts it again", self._part.name)
        self._change("stopped", process=None)
        await self._again.wait()

    async def _notice_readiness(self) -> None:
        if self.state.state == "running":
            return
        with anyio.move_on_after(_SURELY_READY_S):
            while not logs.says_ready(logs.since(self._log, self.state.log_begin)):  # noqa: ASYNC110
                await anyio.sleep(_LOOK_EVERY_S)  # a file sends no event
        self._change("running")

    async def _rest(self, problem: str, *, lived_s: float) -> None:
        self._short_lives = pacing.short_lives(self._short_lives, lived_s)
        pause_s = pacing.pause_s(self._short_lives)
        is_failing = self._short_lives >= pacing.FAILING_AFTER
        log.warning("%s: %s; next start in %.3g s", self._part.name, problem, pause_s)
        self._change("failing" if is_failing else "waiting", problem=problem, process=None)
        with anyio.move_on_after(pause_s):
            await self._again.wait()

    def _change(
        self,
        state: Condition,
        **changes: Any,
    ) -> None:
        now_s = time.time()
        self.state = msgspec.structs.replace(self.state, state=state, since_s=now_s, **changes)
        self._tell()
