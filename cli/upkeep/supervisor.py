"""The process behind `up`, one per home and machine: keeps a server and some processes running."""

import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from ... import __version__
from ...broker.embedded import foreign_scripts
from ...broker.embedded.layout import Layout
from ...broker.embedded.lock import try_lock
from ...broker.embedded.start import ensure
from ...broker.errors import RqAgentError
from . import logs, processes
from .keeper import Keeper
from .place import PartState, Place, UpState, read_state, read_wanted, write
from .wanted import NAMES, Part, Wanted, parts

log = logging.getLogger(__name__)

_SERVER_EVERY_S: Final = 1.0
_HOUSE_EVERY_S: Final = 20.0
_FIRST: Final = 1
"""Pid of the first process of a container: what others leave falls to it."""


class AlreadyRuns(RqAgentError):
    """Another supervisor of this home and machine lives."""


class Supervisor:
    """Everything that `up` keeps running.

    Args:
        place: its files.
        wanted: what to run.
        data: folder of the embedded server.
        environ: of the processes.
        foreground: a person's terminal or an init system waits for us.
    """

    def __init__(
        self,
        place: Place,
        wanted: Wanted,
        data: Path,
        environ: Mapping[str, str],
        *,
        foreground: bool,
    ) -> None:
        self._place = place
        self._wanted = wanted
        self._data = data
        self._environ = environ
        self._foreground = foreground
        self._process = processes.own()
        self._keepers: dict[str, Keeper] = {}
        self._is_ending = False
        self._changed = anyio.Event()
        self._hurry = anyio.Event()
        self._server_starts = 0
        self._server_problem = ""
        self._written: UpState | None = None

    async def run(self) -> None:
        """Keep everything running until a signal says to end it.

        Raises:
            AlreadyRuns: another one does that.
        """
        if (held := try_lock(self._place.supervisor_lock)) is None:
            raise AlreadyRuns("another `rq-agent up` runs for this home: see `rq-agent up`")
        try:
            await self._run()
            # Not after a bug: what still runs is found again by it, and ended or taken over.
            self._place.state.unlink(missing_ok=True)
        finally:
            os.close(held)

    async def _run(self) -> None:
        left = read_state(self._place)
        before = {each.name: each for each in left.parts} if left else {}
        async with anyio.create_task_group() as helpers:
            await helpers.start(self._heed_signals)
            self._write_state()
            if not self._wanted.server:
                helpers.start_soon(self._keep_server)
            helpers.start_soon(self._keep_house)
            async with anyio.create_task_group() as tended:
                for name in NAMES:
                    tended.start_soon(self._tend, name, before.get(name))
            helpers.cancel_scope.cancel()

    async def _heed_signals(
        self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
        with anyio.open_signal_receiver(*numbers) as received:
            task_status.started()
            async for number in received:
                if number == signal.SIGUSR1:
                    self._wanted = read_wanted(self._place) or self._wanted
                    for keeper in self._keepers.values():
                        keeper.try_again()
                elif self._is_ending:
                    self._hurry.set()
                elif number != signal.SIGHUP or self._foreground:
                    log.info("ending: %s", number.name)
                    self._is_ending = True
                self._changed.set()
                self._changed = anyio.Event()
                self._write_state()

    async def _tend(self, name: str, left: PartState | None) -> None:
        """Run what is wanted under a name, one after the other, until everything ends."""
        adopted = left if left and processes.is_alive(left.process) else None
        while adopted or not self._is_ending:
            part = Part(name, adopted.arguments) if adopted else self._part(name)
            if part is None:
                await self._changed.wait()
                continue
            await self._keep(part, adopted)
            adopted = None

    async def _keep(self, part: Part, adopted: PartState | None) -> None:
        """Keep one process running as long as it is wanted; then end it."""
        keeper = Keeper(part, self._place.log(part.name), self._environ, self._write_state, adopted)
        self._keepers[part.name] = keeper
        async with anyio.create_task_group() as tg:
            tg.start_soon(keeper.run)
            while self._part(part.name) == part:
                await self._changed.wait()
            tg.cancel_scope.cancel()
        await keeper.end(self._hurry)
        del self._keepers[part.name]
        self._write_state()

    def _part(self, name: str) -> Part | None:
        """Return what shall run under a name now."""
        if self._is_ending:
            return None
        return next((part for part in parts(self._wanted) if part.name == name), None)

    async def _keep_server(self) -> None:
        async for _ in _every(_SERVER_EVERY_S):
            before = self._server_pid()
            try:
                await anyio.to_thread.run_sync(ensure, self._data)
                problem = ""
            except RqAgentError as e:
                problem = str(e)
            problem = await anyio.to_thread.run_sync(foreign_scripts.curb, self._data) or problem
            if before and before != self._server_pid():
                self._server_starts += 1
                log.warning("the embedded server was gone; started it again")
            if problem and problem != self._server_problem:
                log.warning("%s", problem)
            self._server_problem = problem
            self._write_state()

    def _server_pid(self) -> str:
        try:
            return Layout(self._data).pid.read_text("ascii")
        except FileNotFoundError:
            return ""

    async def _keep_house(self) -> None:
        async for _ in _every(_HOUSE_EVERY_S):
            for name in (*NAMES, "up"):
                with suppress(OSError):
                    await anyio.to_thread.run_sync(logs.turn, self._place.log(name))
            if os.getpid() == _FIRST:
                processes.reap_strays([*self._pids()])

    def _pids(self) -> Iterator[int]:
        for keeper in self._keepers.values():
            if keeper.state.process is not None:
                yield keeper.state.process.pid

    def _write_state(self) -> None:
        """Tell commands how it stands. A full disk must not stop what runs."""
        state = UpState(
            process=self._process,
            version=__version__,
            foreground=self._foreground,
            is_ending=self._is_ending,
            wanted=self._wanted,
            parts=tuple(self._keepers[name].state for name in NAMES if name in self._keepers),
            server_starts=self._server_starts,
            server_problem=self._server_problem,
        )
        if state == self._written:
            return
        try:
            write(self._place.state, state)
            self._written = state
        except OSError as e:
            log.warning("can't write %s: %s", self._place.state, e)


async def _every(interval_s: float) -> AsyncIterator[None]:
    while True:
        yield
        await anyio.sleep(interval_s)
