"""What claims cost where many tasks wait: `python -m tests.chaos.backlog TASKS CLAIMS`.

A program of its own, since `bench` can be imported only where the repository's root is on the path.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from redis.asyncio import Redis

from rq_agent.broker import keys

_ROOT: Final = Path(__file__).parents[2]
_ASKED: Final = 200


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, on a server that appends to a file."""

    tasks: int
    """That waited, signed and with 200 bytes of arguments."""
    added_s: float
    used_bytes: int
    claims_us: tuple[float, ...]
    """For each claim of one task: how long its script ran, or the CPU that the server used where
    that is less, since other programs of the machine don't count."""
    running: int
    """Tasks that are claimed at the end."""


def measured(tasks: int, claims: int) -> Costs:
    """Return what a process of its own measured."""
    command = [sys.executable, "-m", "tests.chaos.backlog", str(tasks), str(claims)]
    said = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=Costs)


async def _measure(tasks: int, claims: int) -> Costs:
    from bench.backlog import Backlog
    from bench.stage import stage

    async with stage() as where:
        backlog, redis = Backlog(where), where.namespace.redis
        await backlog.spread()
        began_s = time.monotonic()
        await backlog.fill(tasks)
        added_s = time.monotonic() - began_s
        memory: Any = await redis.info("memory")
        asking_us = statistics.median([await _cpu_us(redis, _nothing) for _ in range(_ASKED)])
        costs_us: list[float] = []

        async def claim() -> None:
            costs_us.append(await backlog.server_us(lambda: backlog.claim(1)))

        for n in range(claims):
            cpu_us = await _cpu_us(redis, claim) - asking_us
            costs_us[n] = max(0.0, min(costs_us[n], cpu_us))
        return Costs(
            tasks=tasks,
            added_s=added_s,
            used_bytes=memory["used_memory"],
            claims_us=tuple(costs_us),
            running=await redis.zcard(keys.leases(where.namespace.prefix)),
        )


async def _nothing() -> None:
    """What costs no more than to be asked for its cost."""


async def _cpu_us(redis: Redis, call: Callable[[], Awaitable[object]]) -> float:
    """Return what the server's main thread spent on a call, and on being asked for that."""
    before: Any = await redis.info("cpu")
    await call()
    after: Any = await redis.info("cpu")
    parts = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
    return 1e6 * sum(float(after[part]) - float(before[part]) for part in parts)


if __name__ == "__main__":
    measures = anyio.run(_measure, int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.buffer.write(msgspec.json.encode(measures))
