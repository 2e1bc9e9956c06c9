"""Sees to it that somebody can run a task, as long as `run` follows it."""

import time
from typing import TYPE_CHECKING, Final

import anyio

from ..broker.errors import RqAgentError, UsageError
from ..broker.states import TaskState
from ..worker import gpus
from . import config, run_worker
from .alive import live_workers
from .config import Settings
from .render import words
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.needs import Need
    from ..broker.record import Record

_LOOK_EVERY_S: Final = 0.05
_AFTER_DEATH_S: Final = 3.0
"""Of two `run` at once one worker finds its name taken: the other one serves both."""
_START_LIMIT_S: Final = 60.0
_SHORT_LIFE_S: Final = 60.0
_MOST_SHORT_LIVES: Final = 3


async def someone_listens(namespace: "Namespace", queue: str, need: "Need") -> bool:
    """Return whether a live worker takes such tasks from the queue, sooner or later."""
    return any(
        queue in worker.queues and run_worker.could_run(need, worker)
        for worker in await live_workers(namespace)
    )


class Standby:
    """Starts a worker when nobody listens, and another one should that one go."""

    def __init__(
        self,
        settings: Settings,
        namespace: "Namespace",
        screen: Screen,
        *,
        queue: str,
        need: "Need",
    ) -> None:
        self._settings = settings
        self._namespace = namespace
        self._screen = screen
        self._queue = queue
        self._need = need
        self._pid = 0
        self._started_s = 0.0
        self._short_lives = 0

    async def check(self) -> None:
        """Look whether a worker of this machine could run it at all, before it is queued.

        Raises:
            UsageError: it could not, and nobody else listens.
        """
        wanted = self._need.gpus
        if not wanted or await self._someone_listens() or wanted <= (found := gpus.count()):
            return
        raise UsageError(
            f"no worker could run it: it needs {words.need(self._need)}, this machine has {found} "
            f"GPUs, and no worker with room for it listens to queue {self._queue}; "
            "`rq-agent submit` queues it for one to come"
        )

    async def ensure(self) -> None:
        """Return when a worker listens.

        Raises:
            RqAgentError: the one that was started ended at once; shows the end of its log.
        """
        if not await self._someone_listens():
            await self._start()

    async def tend(self, record: "Record") -> None:
        """Start a worker again if the task is left without one. Call it now and then."""
        if record.is_final or not await self._is_left_alone(record):
            return
        lived_s = time.monotonic() - self._started_s
        self._short_lives = self._short_lives + 1 if lived_s < _SHORT_LIFE_S else 0
        if self._short_lives >= _MOST_SHORT_LIVES:
            raise RqAgentError(
                f"task {record.id} stays in the queue: {self._short_lives} workers ended soon"
                f" after their start; see {run_worker.log_folder(self._settings)}"
            )
        self._screen.say("the task has no worker any more; starting one")
        await self._start()

    async def _is_left_alone(self, record: "Record") -> bool:
        self._reap()
        if record.state == TaskState.RUNNING:
            names = [worker.name for worker in await live_workers(self._namespace)]
            return record.worker not in names
        return not await self._someone_listens()

    async def _someone_listens(self) -> bool:
        self._reap()
        return await someone_listens(self._namespace, self._queue, self._need)

    def _reap(self) -> bool:
        """Return whether the worker that was started is gone; leave no zombie of it."""
        return self._pid != 0 and run_worker.has_ended(self._pid)

    async def _start(self) -> None:
        started = run_worker.start(
            self._settings, self._queue, config.variables(), light=self._need.light
        )
        self._pid, self._started_s = started.pid, time.monotonic()
        is_dead = False
        with (
            self._screen.progress(f"starting worker {started.name}"),
            anyio.move_on_after(_START_LIMIT_S) as scope,
        ):
            while not await self._someone_listens():
                if not is_dead and self._reap():
                    is_dead = True
                    scope.deadline = anyio.current_time() + _AFTER_DEATH_S
                await anyio.sleep(_LOOK_EVERY_S)
        if scope.cancelled_caught:
            state = "ended at its start" if is_dead else "is not ready yet"
            raise RqAgentError(
                f"the worker {started.name} {state}; {started.log} says:\n"
                f"{run_worker.tail(started.log)}"
            )
