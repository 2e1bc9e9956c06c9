"""Has hosts made, a few at a time, and tells the calls that wait for one how that goes."""

import logging
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio
import anyio.to_thread

from ...broker.errors import BuildError, RqAgentError
from ...broker.keys import TaskId
from ...broker.states import Phase
from .. import endings
from ..endings import Ending
from . import host_folder, making
from .calls import SYSTEM_STREAM, HostTools, Said
from .host import Host
from .host_folder import facts_of
from .in_host import of_waiting
from .owner import Owner
from .pool import Pool

log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
"""Processes that start at the same time."""
_LINES_TO: Final = 100
"""Calls whose logs get what is said while a host is made."""


class Turn:
    """The right to start one process; environments are built without it, which may take long."""

    def __init__(self, turns: anyio.Semaphore) -> None:
        self._turns = turns
        self._is_taken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_taken:
            self._turns.release()

    async def wait(self) -> None:
        """Take it as soon as there is one."""
        await self._turns.acquire()
        self._is_taken = True


class Starting:
    """One per worker."""

    def __init__(self, tools: HostTools, owner: Owner) -> None:
        self._tools = tools
        self._owner = owner
        self._turns = anyio.Semaphore(_AT_ONCE)

    async def start(self, pool: Pool[Host]) -> None:
        """Have one host made for a pool, that counts it as in the making from before this on."""
        pause_s = 0.0
        try:
            if pool.waiting:
                pause_s = await self._start(pool)
            if pause_s:
                await anyio.sleep(pause_s)
        finally:
            pool.making -= 1
        self._owner.fill(pool)

    async def _start(self, pool: Pool[Host]) -> float:
        """Return how long to wait before the next try."""
        with Turn(self._turns) as turn:
            return await self._start_in_turn(pool, turn)

    async def _start_in_turn(self, pool: Pool[Host], turn: Turn) -> float:
        facts = facts_of(pool.plan, pool.isolation, self._owner.new_number())
        folder = host_folder.name(self._tools.folder / "hosts", facts)
        try:
            await anyio.to_thread.run_sync(host_folder.make, folder, facts)
            handle = await making.make(
                pool.plan,
                self._tools,
                folder,
                say=partial(self._say, pool),
                enter=partial(self._enter, pool),
                turn=turn.wait,
                until_s=lambda: pool.until_s,
            )
        except (RqAgentError, OSError) as e:
            await self._not_made(pool, folder, e)
            await anyio.to_thread.run_sync(host_folder.remove, folder)
            return 0.0
        name = pool.plan.definition.environment.executor
        host = Host(facts, handle, self._tools, self._owner, self._tools.executors[name])
        self._owner.add(host, pool)
        await host.begun.wait()
        if host.is_ready:
            pool.started()
            return 0.0
        return self._not_started(pool, host)

    async def _not_made(
        self, pool: Pool[Host], folder: Path, error: RqAgentError | OSError
    ) -> None:
        """End all that wait: the next try would fail as well."""
        first = next(iter(pool.waiting), "")
        task_id = TaskId(first.rpartition(".")[0])
        ending = await making.ending_of(error, self._tools, folder, task_id)
        log.warning("host for %d tasks: %s", len(pool.waiting), ending.reason)
        if not isinstance(error, BuildError):  # the tool's words are in the logs
            self._say(pool, f"rq-agent: {ending.reason}")
        self._end_all(pool, ending)

    def _not_started(self, pool: Pool[Host], host: Host) -> float:
        """Return how long to wait before the next try, if there is one."""
        reason = f"its host could not be started: {host.how_it_ended}"
        log.warning("host %d: %s", host.facts.number, reason)
        pause_s = pool.failed()
        if pause_s is not None:
            return pause_s
        for line in (f"rq-agent: {reason}", *host.last_words.splitlines()):
            self._say(pool, line)
        self._end_all(pool, endings.errored(reason))
        return 0.0

    def _end_all(self, pool: Pool[Host], ending: Ending) -> None:
        self._owner.ended([of_waiting(call, ending) for call in pool.take_all()])

    def _enter(self, pool: Pool[Host], phase: Phase) -> None:
        pool.entered(phase, now_s=time.monotonic())

    def _say(self, pool: Pool[Host], line: str) -> None:
        words = line.encode("utf-8", "replace") + b"\n"
        keys = list(pool.waiting)[:_LINES_TO]
        if keys:
            parts = [Said(key=k, stream=SYSTEM_STREAM, offset=0, data=words) for k in keys]
            self._owner.listener.said(parts)
