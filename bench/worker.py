"""A worker as people run it: `rq-agent work`, a process of its own."""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from typing import Final

import anyio
import msgspec
import psutil

from rq_agent.broker import keys
from rq_agent.broker.decoding import text

from .stage import QUEUE, Stage

PROGRAM: Final = str(Path(sys.executable).with_name("rq-agent"))
_START_S: Final = 30.0
_STOP_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.002


class Processes(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of an idle worker."""

    supervisor: int
    launcher: int


@asynccontextmanager
async def worker(where: Stage, *options: str, name: str = "w1") -> AsyncIterator[Processes]:
    """Run a worker that is parked when the body begins; drain it afterwards.

    Args:
        where: whose queue it serves.
        options: of `rq-agent work`.
        name: of the worker.
    """
    log = where.home.data.parent / f"{name}.log"
    async with await anyio.open_file(log, "wb") as said:
        process = await anyio.open_process(
            [PROGRAM, "work", "--name", name, "--queues", QUEUE, *options],
            env=environment(where),
            stdin=DEVNULL,
            stdout=said.wrapped,
            stderr=STDOUT,
        )
    try:
        await parked(where, name)
        children = psutil.Process(process.pid).children()
        yield Processes(supervisor=process.pid, launcher=children[0].pid)
        process.terminate()
        with anyio.fail_after(_STOP_S):
            await process.wait()
    except TimeoutError as e:
        raise RuntimeError(f"worker {name}:\n{log.read_text('utf-8', 'replace')[-4000:]}") from e
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.aclose()


def environment(where: Stage) -> dict[str, str]:
    """Return the variables that make a program of ours work on a stage."""
    return {
        **os.environ,
        "RQ_AGENT_REDIS_URL": where.url,
        "RQ_AGENT_NAMESPACE": where.namespace.name,
        "RQ_AGENT_HOME": str(where.home.data.parent),
    }


async def parked(where: Stage, name: str = "w1") -> None:
    """Wait until a worker is idle and waits for a message."""
    redis, prefix = where.namespace.redis, where.namespace.prefix
    with anyio.fail_after(_START_S):
        while True:
            profile = await redis.hget(keys.worker(prefix, name), "parked")
            if profile and await redis.zscore(keys.idle(prefix, text(profile)), name):
                return
            await anyio.sleep(_LOOK_EVERY_S)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of its children that have ended."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def spawned(argv: list[str]) -> int:
    """Run a program to its end as cheaply as Python can; return when it was asked for, Unix ns."""
    asked_ns = time.time_ns()
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"{argv} ended with {status}"
    return asked_ns
