"""A worker in a process of its own, so that it can be killed."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from .lab import Lab

_PROGRAM = """
import importlib, json, logging, os, signal, sys
from functools import partial
from pathlib import Path
import anyio
from rq_agent.broker.home import below
from rq_agent.broker.orders import parse
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.work import work
name, home, url, namespace, death, settings = sys.argv[1:]


def die(where, when):
    module, _, path = where.partition(":")
    kind, _, method = path.partition(".")
    owner = getattr(importlib.import_module(module), kind)
    original = getattr(owner, method)

    async def dying(*arguments, **named):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, dying)


if death:
    die(*death.split())
logging.basicConfig(level=logging.INFO)
config = WorkerConfig(
    name=name,
    order=parse("priority", ["default"]),
    home=below(Path(home)),
    **json.loads(settings),
)
anyio.run(partial(work, config, url=url, namespace=namespace))
"""


@asynccontextmanager
async def worker_process(
    lab: Lab, name: str = "w1", *, is_heard: bool = False, dies: str = "", **settings: int
) -> AsyncIterator[anyio.abc.Process]:
    """Run a worker beside us; what is left of it at the end is killed.

    Args:
        lab: where it works.
        name: of the worker.
        is_heard: complaint() gets what it says, instead of the report of the test.
        dies: where it kills itself, `module:Class.method before` or `.. after` that coroutine.
        settings: of its WorkerConfig.
    """
    home = str(lab.home.config.parent)
    arguments = [name, home, lab.url, lab.namespace.name, dies]
    arguments.append(json.dumps({"beat_ms": 200, **settings}))
    process = await anyio.open_process(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=None,
        stderr=subprocess.PIPE if is_heard else None,
    )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await kill(process)


async def kill(process: anyio.abc.Process) -> None:
    """End a worker as a crash would: it can't say goodbye."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()
    await process.aclose()


async def says(process: anyio.abc.Process, text: str) -> None:
    """Return when a worker that is heard has written a text to its stderr."""
    assert process.stderr is not None
    said = ""
    with anyio.fail_after(60):
        while text not in said:
            said += (await process.stderr.receive()).decode()


async def complaint(process: anyio.abc.Process) -> str:
    """Return what a worker that ends by itself wrote to its stderr."""
    assert process.stderr is not None
    said = b"".join([chunk async for chunk in process.stderr])
    await process.wait()
    return said.decode()
