"""Runs all that the worker holds, each attempt in a task of its own."""

import logging
from pathlib import Path

import anyio
import anyio.abc

from .capacity import Capacity
from .facts import Facts
from .fresh import Fresh
from .held import Held, HeldTasks
from .prepare import run_folder
from .process.journal import Attempt
from .recovery import FoundAgain
from .run import open_run
from .runner import Runner
from .tools import Tools

log = logging.getLogger(__name__)


class Runners:
    """Starts runners in a task group, and frees what each one held."""

    def __init__(
        self,
        group: anyio.abc.TaskGroup,
        tools: Tools,
        capacity: Capacity,
        tasks: HeldTasks,
        facts: Facts,
    ) -> None:
        self._group = group
        self._tools = tools
        self._capacity = capacity
        self._tasks = tasks
        self._facts = facts
        self._scopes: set[anyio.CancelScope] = set()

    def start(self, held: Held) -> None:
        """Run a task that was just claimed."""
        log.info("task %s: claimed from %s", held.claim.task_id, held.claim.queue)
        folder = run_folder(self._tools, held.claim.task_id, held.claim.fence)
        run = open_run(held, self._tools, folder)
        self._group.start_soon(self._one, held, Runner(run, Fresh(run).ending))

    def go_on(self, attempt: Attempt, held: Held) -> None:
        """Bring an attempt of an earlier session to its end."""
        run = open_run(held, self._tools, Path(attempt.folder), is_resumed=True)
        self._group.start_soon(self._one, held, Runner(run, FoundAgain(run, attempt).ending))

    def let_go(self) -> None:
        """Leave everything as it is, for the next session: it stays held, and in the journal."""
        for scope in self._scopes:
            scope.cancel()

    async def _one(self, held: Held, runner: Runner) -> None:
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            await runner.run()
        self._scopes.discard(scope)
        if scope.cancelled_caught:
            return
        self._capacity.give_back(held.key)
        self._tasks.remove(held)
        self._facts.note_end(held)
        await runner.clean_up()  # the next task need not wait for it
