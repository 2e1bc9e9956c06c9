"""A worker that was killed while its task runs, and what it left on the disk."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import psutil

from rq_agent.broker.home import machine_id
from rq_agent.broker.keys import TaskId
from rq_agent.worker.process import leftovers
from rq_agent.worker.process.handle import is_alive, recover
from rq_agent.worker.signals import Signals
from tests.looking import look_again

from ..environment.packages import ends
from .lab import Lab
from .outside import kill, worker_process

WAITER = """
import os
os.mkfifo("go")
print("started", os.getpid(), flush=True)
said = open("go").read()
print("went on", flush=True)
raise SystemExit(int(said))
"""
"""Ends with the code that it is told."""
SLEEPER = """
import json, os, subprocess, sys, time
if int(os.environ["RQ_AGENT_FENCE"]) == 1:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    print(json.dumps([os.getpid(), child.pid]), flush=True)
    time.sleep(600)
print("second time, attempt", os.environ["RQ_AGENT_ATTEMPT"])
"""
"""Sleeps with a child in a session of its own; ends at once when it is run again."""
GOES_ON = "goes on with this task"
"""Of what is said in the log of a task that was found again."""


class Left:
    """A task whose worker is dead."""

    def __init__(self, lab: Lab, task_id: TaskId) -> None:
        self._lab = lab
        self.task_id = task_id
        self.folder = lab.run_folder(task_id)
        self.journal = lab.home.state / machine_id() / "workers" / "w1" / "journal"

    @property
    def shim(self) -> int:
        """The pid of its shim."""
        return int(os.readlink(self.folder / "shim.1").partition(".")[0])

    async def go(self, code: int = 7) -> None:
        """Let a WAITER go on, and end with a code."""
        go = self.folder / "tree" / "go"
        await anyio.to_thread.run_sync(go.write_text, str(code))

    async def end(self) -> None:
        """Let a WAITER end, and wait until its shim has written how."""
        shim = self.shim
        await self.go()
        await ends(shim)

    async def kill_shim(self) -> None:
        """Kill the shim; the program dies with it."""
        shim = self.shim
        psutil.Process(shim).kill()
        await ends(shim)

    def clean_up(self) -> None:
        """Kill what is left of it where a test failed."""
        found = recover(self.folder)
        if found is not None and is_alive(found):
            leftovers.kill(found)

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the lines of the journal; each is a claim or a start of the task."""
        lines = [json.loads(line) for line in self.journal.read_bytes().splitlines()]
        for line in lines:
            change(line)
        self.journal.write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def is_noted(self) -> None:
        """Wait until the journal has the start; nobody tells of a line in a file."""
        with anyio.fail_after(20):
            while b'"started"' not in await anyio.Path(self.journal).read_bytes():
                await look_again()

    async def pids(self) -> list[int]:
        """Return the processes of a SLEEPER."""
        found: list[int] = json.loads((await self._lab.output(self.task_id)).splitlines()[0])
        return found


@asynccontextmanager
async def left_behind(lab: Lab, script: str = WAITER, **options: Any) -> AsyncIterator[Left]:
    """Start a task, and kill its worker when the task has printed a line."""
    async with worker_process(lab) as worker:
        task_id = await lab.submit(script, **options)
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "\n", stream="out")
        left = Left(lab, task_id)
        await left.is_noted()
        await kill(worker)
    try:
        yield left
    finally:
        left.clean_up()


@asynccontextmanager
async def short_session(lab: Lab, **options: Any) -> AsyncIterator[Signals]:
    """Run a worker as long as the body runs; then restart it, and leave out the new start."""
    signals = Signals()
    async with anyio.create_task_group() as tg:
        tg.start_soon(partial(lab.work, signals=signals, **options))
        yield signals
        signals.restart("the test")
