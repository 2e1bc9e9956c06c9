"""How fast ended tasks go through the archive out of Redis, and what claims feel of it."""

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import msgspec

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import parse
from rq_agent.broker.tasks import Tasks

from .batch import BATCH, signed, stored_definition, unsigned
from .figure import Effort, Figure, Say, p50_p99
from .stage import DEADLINE_S, QUEUE, Stage, stage
from .worker import cpu_s

_LEASE_MS: Final = 600_000
_EVERY_S: Final = 0.01
"""A claim so often: a busy fleet, and room for the archiver between them."""
_FINISHED: Final = 100


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler did, and what it cost."""

    rate: float
    server_us: float
    scheduler_us: float
    claims_ms: list[float]


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return the rate, and the time of a claim with and without archiver and purge."""
    async with stage() as where:
        count = effort.batched_tasks
        say(f"retention: {count} tasks that ended, with logs of one line")
        await _end(where, count)
        await _enqueue(where, effort.latency_tasks * 100)  # to be claimed meanwhile
        alone = p50_p99(await _claims(where, seconds=2))[1]
        drained = await _drain(where, count)
        call = await _longest_call(where)
    beside = p50_p99(drained.claims_ms)[1]
    return [
        _figure("rate", "archived and purged by one scheduler", "tasks/s", drained.rate),
        _figure("server", "the server's CPU for each of them", "us", drained.server_us),
        _figure("scheduler", "the scheduler's CPU for each of them", "us", drained.scheduler_us),
        _figure("claim.alone", "a claim alone, p99", "ms", alone),
        _figure("claim.beside", "a claim while tasks are archived and purged, p99", "ms", beside),
        _figure("claim.delay", "the difference", "ms", beside - alone),
        _figure("call", "a script on the server meanwhile, p99", "ms", call),
    ]


async def _enqueue(where: Stage, count: int) -> None:
    digest, upload = stored_definition()
    for _ in range(0, count, BATCH):
        tasks = signed(unsigned(where, BATCH, digest), where.pair, a_signature=16)
        await Tasks(where.namespace).enqueue(tasks, {digest: upload})


async def _end(where: Stage, count: int) -> None:
    """Let tasks end, and let it be time for them to go."""
    await _enqueue(where, count)
    leases, p = Leases(where.namespace), where.namespace.prefix
    while claims := await _claim(where, _FINISHED):
        await leases.finish([Finish(claim=claim, outcome=Outcome.SUCCEEDED) for claim in claims])
        due: dict[str, float] = {claim.task_id: 1 for claim in claims}
        await where.namespace.redis.zadd(keys.unarchived(p), due)
        await where.namespace.redis.zadd(keys.done(p), due)


async def _claim(where: Stage, limit: int) -> Sequence[Claim]:
    claimed = await Leases(where.namespace).claim(
        "w",
        where.ids.new(),
        limit=limit,
        order=parse("priority", (QUEUE,)),
        shapes=[shape_id(Need())],
        lease_ms=_LEASE_MS,
        park=False,
    )
    return claimed.claims


async def _claims(where: Stage, *, seconds: float) -> list[float]:
    """Claim again and again for a while; return how long each took, in ms."""
    took_ms: list[float] = []
    with anyio.move_on_after(seconds):
        while True:
            started_s = time.perf_counter()
            await _claim(where, 1)
            took_ms.append((time.perf_counter() - started_s) * 1000)
            await anyio.sleep(_EVERY_S)
    return took_ms


async def _drain(where: Stage, count: int) -> Drained:
    """Run a scheduler until all are gone, and claim tasks meanwhile."""
    redis, done = where.namespace.redis, keys.done(where.namespace.prefix)
    took_ms: list[float] = []
    async with _scheduler(where) as process:
        with anyio.fail_after(DEADLINE_S):
            while await redis.zcard(done) == count:  # not its start is measured
                await _claims(where, seconds=_EVERY_S)
            await redis.config_resetstat()
            started_s, server_s, own_s = time.perf_counter(), await _cpu_s(where), cpu_s(process)
            first = await redis.zcard(done)
            while left := await redis.zcard(done):
                took_ms += await _claims(where, seconds=0.2)
        gone = first - left
        return Drained(
            rate=gone / (time.perf_counter() - started_s),
            server_us=(await _cpu_s(where) - server_s) / gone * 1e6,
            scheduler_us=(cpu_s(process) - own_s) / gone * 1e6,
            claims_ms=took_ms,
        )


async def _cpu_s(where: Stage) -> float:
    used: Any = await where.namespace.redis.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


async def _longest_call(where: Stage) -> float:
    """Return the 99th percentile of the server's time for a script, in ms."""
    stats: Any = await where.namespace.redis.info("latencystats")
    return float(stats["latency_percentiles_usec_evalsha"]["p99"]) / 1000


@asynccontextmanager
async def _scheduler(where: Stage) -> AsyncIterator[int]:
    """Run a scheduler and yield its process id."""
    options = ["--redis", where.url, "--namespace", where.namespace.name]
    archive = ["--archive", str(where.home.data / "archive")]
    program = [sys.executable, "-m", "rq_agent.cli", "scheduler", *options, *archive]
    environ = {"RQ_AGENT_HOME": str(where.home.data.parent)}
    async with await anyio.open_process(program, env=environ, stdout=None, stderr=None) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _figure(id: str, title: str, unit: str, value: float) -> Figure:
    return Figure(id=f"retention.{id}", title=title, unit=unit, values=(value,))
