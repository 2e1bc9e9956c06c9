"""Tasks that wait to be told to go on, for a server that goes away meanwhile."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from rq_agent.broker.keys import TaskId

from ..environment.packages import ends
from .lab import Lab

OpenLab = Callable[[], AbstractAsyncContextManager[Lab]]
"""Again after each death of the server, since it takes the connections along."""

TALKER = """
import os
os.mkfifo("go")
os.mkfifo("told")
print("before", flush=True)
open("go").read()
for number in range(100):
    print("line", number, flush=True)
open("told", "w").write("x")
open("go").read()
print("after")
"""
SAID = "before\n" + "".join(f"line {number}\n" for number in range(100)) + "after\n"


async def started(lab: Lab, script: str = TALKER, **options: Any) -> TaskId:
    """Submit it and return when it has printed its first line."""
    task_id = await lab.submit(script, **options)
    await lab.reached(task_id, "phase", phase="running")
    await lab.printed(task_id, "before")
    return task_id


async def go(folder: Path) -> None:
    """Let a task go on."""
    await in_thread((folder / "tree" / "go").write_text, "on")


async def told(folder: Path) -> None:
    """Return when a talker has printed its lines."""
    await in_thread((folder / "tree" / "told").read_text)


async def in_thread(step: Callable[..., object], *arguments: object) -> None:
    """Do what blocks until the other side of a pipe is there."""
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(step, *arguments, abandon_on_cancel=True)


async def ended(folder: Path) -> None:
    """Wait for the end of a task as the machine sees it."""
    await ends(int(os.readlink(folder / "shim.1").partition(".")[0]))
