"""What a worker's calls cost for each task that it drains, and a submit beside a bare round trip."""

import gc
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.lane import Lane
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.orders import parse
from rq_agent.broker.shapes import Shapes
from rq_agent.broker.tasks import Tasks

from .batch import BATCH, signed, stored_definition, unsigned
from .figure import Effort, Figure, Say, ratios
from .server import PERSISTENCE
from .stage import QUEUE, Stage, stage

LEASE_MS: Final = 60_000
BATCHES_A_BEAT: Final = 10
"""A worker that is fast enough for this beats more seldom."""
_FEW: Final = 10_000
_SMALL_BYTES, _LARGE_BYTES = 100, 10_000


class _Drained(msgspec.Struct, frozen=True):
    rate: float
    """Tasks per second."""
    server_us: float
    """CPU of the server for each task."""
    client_us: float
    """CPU of who claims and finishes, for each task."""


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return the costs of a drained task, and what arguments and a backlog change about them."""
    figures = []
    for persistence in PERSISTENCE:
        say(f"drain: {persistence}")
        figures += await _drains(persistence, effort)
    say("drain: arguments, and a backlog")
    figures += await _compared(effort)
    say("drain: a submit beside a bare round trip")
    return figures + await _submits(effort)


async def _drains(persistence: str, effort: Effort) -> list[Figure]:
    runs = []
    async with stage(persistence) as where:
        for _ in range(effort.repeats):
            await _fill(where, effort.batched_tasks)
            runs.append(await _drain(where, effort.batched_tasks))
    id = persistence.replace(" ", "-")
    title = f"a drained task, {BATCH} a call: claim, finish, share of beats; {persistence}"
    return [
        Figure(
            id=f"drain.{what}.{id}",
            title=f"CPU of {whose} for {title}",
            unit="us",
            values=tuple(getattr(run, f"{what}_us") for run in runs),
        )
        for what, whose in (("server", "the server"), ("client", "who drains"))
    ]


async def _compared(effort: Effort) -> list[Figure]:
    """Return rates and their ratios, pair by pair in turns."""
    kinds: dict[str, list[float]] = {}

    async def run(kind: str, where: Stage) -> None:
        drained = await _drain(where, effort.batched_tasks)
        kinds.setdefault(kind, []).append(drained.rate)

    count, few = effort.batched_tasks, min(_FEW, effort.backlogs[0])
    async with stage("no AOF") as where, stage("no AOF") as other:
        for _ in range(effort.repeats):
            for kind, size in (("small", _SMALL_BYTES), ("large", _LARGE_BYTES)):
                await _fill(where, count, argument="x" * size)
                await run(kind, where)
        await _fill(where, few)
        await _fill(other, effort.backlogs[-1])
        for _ in range(effort.repeats):
            for kind, whole in (("few", where), ("many", other)):
                await _fill(whole, count)
                await run(kind, whole)
    titles = {
        "small": f"{_SMALL_BYTES} B of arguments",
        "large": f"{_LARGE_BYTES:,} B of arguments",
        "few": f"{few:,} wait",
        "many": f"{effort.backlogs[-1]:,} wait",
    }
    figures = {
        kind: Figure(
            id=f"drain.{kind}",
            title=f"claim and finish, {BATCH} a call; {titles[kind]}",
            unit="tasks/s",
            values=tuple(rates),
        )
        for kind, rates in kinds.items()
    }
    pairs = (("large", "small"), ("many", "few"))
    return [
        *figures.values(),
        *(
            ratios(figures[of], figures[to], title=f"drained: {titles[of]} / {titles[to]}")
            for of, to in pairs
        ),
    ]


async def _submits(effort: Effort) -> list[Figure]:
    """Return round trips per second of a script that does nothing, and of a submit, in turns."""
    bare: list[float] = []
    submits: list[float] = []
    async with stage("no AOF") as where:
        digest, upload = stored_definition()
        [first] = signed(unsigned(where, 1, digest), where.pair, a_signature=1)
        await where.tasks.enqueue([first], {digest: upload})
        lane = Lane(where.namespace.redis)
        namespace = where.namespace.over(lane)
        sha = (await lane.script_load("return 1")).decode()

        async def submit() -> None:
            [task] = signed(unsigned(where, 1, digest), where.pair, a_signature=1)
            await Tasks(namespace).enqueue([task], {})

        for _ in range(2 * effort.repeats):
            count = effort.single_tasks // 2
            bare.append(await _rate(count, lambda: lane.evalsha(sha, 1, namespace.prefix)))
            submits.append(await _rate(count, submit))
        lane.close()
    empty = Figure(
        id="drain.bare", title="EVALSHA of `return 1`, awaited", unit="/s", values=tuple(bare)
    )
    one = Figure(
        id="drain.submit",
        title="submit of one task, signed on the way, awaited",
        unit="/s",
        values=tuple(submits),
    )
    return [empty, one, ratios(one, empty, title="submit of one task / EVALSHA of `return 1`")]


async def _rate(count: int, call: Callable[[], Awaitable[object]]) -> float:
    gc.collect()
    started_s = time.perf_counter()
    for _ in range(count):
        await call()
    return count / (time.perf_counter() - started_s)


async def _fill(where: Stage, count: int, *, argument: str = "x" * 200) -> None:
    digest, upload = stored_definition()
    batches = (
        signed(
            unsigned(where, min(BATCH, count - n), digest, argument=argument),
            where.pair,
            a_signature=BATCH,
        )
        for n in range(0, count, BATCH)
    )
    for answer in await where.tasks.enqueue_batches(batches, {digest: upload}):
        assert answer.outcome == "queued", answer


async def _drain(where: Stage, count: int) -> _Drained:
    """Claim and finish as a worker does: on a lane, with a beat from time to time."""
    lane = Lane(where.namespace.redis)
    namespace = where.namespace.over(lane)
    shapes = tuple(await Shapes(where.namespace).all())
    gc.collect()
    server_s, client_s = await server_cpu_s(where), time.process_time()
    started_s = time.perf_counter()
    await _claim_and_finish(namespace, shapes, count)
    took_s = time.perf_counter() - started_s
    client_s = time.process_time() - client_s
    server_s = await server_cpu_s(where) - server_s
    lane.close()
    return _Drained(count / took_s, server_s * 1e6 / count, client_s * 1e6 / count)


async def _claim_and_finish(namespace: Namespace, shapes: Sequence[str], count: int) -> None:
    leases, order, done, calls = Leases(namespace), parse("priority", [QUEUE]), 0, 0
    while done < count:
        claimed = await leases.claim(
            "bench",
            secrets.token_hex(8),
            limit=min(BATCH, count - done),
            order=order,
            shapes=shapes,
            lease_ms=LEASE_MS,
            park=False,
        )
        assert claimed.claims, "the queue ran dry"
        if calls % BATCHES_A_BEAT == 0:
            await _beat(leases, claimed.claims)
        ends = [Finish(claim=c, outcome=Outcome.SUCCEEDED) for c in claimed.claims]
        codes = await leases.finish(ends)
        assert all(code == 1 for code in codes), codes
        done, calls = done + len(ends), calls + 1


async def _beat(leases: Leases, claims: Sequence[Claim]) -> None:
    beat = await leases.beat("bench", claims, ttl_ms=LEASE_MS, facts={"state": "busy"})
    assert not beat.lost, beat


async def server_cpu_s(where: Stage) -> float:
    """Return the CPU time that the server has used to answer."""
    told: Any = await where.namespace.redis.info("cpu")
    return float(told["used_cpu_user_main_thread"]) + float(told["used_cpu_sys_main_thread"])
