"""How fast one client adds, claims and finishes tasks."""

import gc
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Final

import msgspec

from rq_agent.broker.claims import Finish, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.orders import parse
from rq_agent.broker.shapes import Shapes
from rq_agent.broker.tasks import DefinitionUpload, NewTask

from .batch import BATCH, signed, stored_definition, unsigned
from .drain import server_cpu_s
from .figure import Effort, Figure, Say
from .server import PERSISTENCE
from .stage import QUEUE, Stage, stage

_LEASE_MS: Final = 60_000
_TITLES: Final = {
    "single.signing": "enqueue, one a call, each signed on the way",
    "single.presigned": "enqueue, one a call, signed before",
    "batched.signing": f"enqueue, {BATCH} a call, batch-signed on the way",
    "batched.presigned": f"enqueue, {BATCH} a call, batch-signed before",
    "overlapped.signing": f"enqueue, {BATCH} a call, overlapped, batch-signed on the way",
    "overlapped.presigned": f"enqueue, {BATCH} a call, overlapped, batch-signed before",
    "claim+finish.single": "claim and finish, one a call",
    "claim+finish.batched": f"claim and finish, {BATCH} a call",
}


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """One repeat of one kind."""

    rate: float
    """Tasks per second."""
    client_us: float
    """CPU of the client for each task."""
    server_us: float
    """CPU of the server for each task."""


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return tasks per second, by persistence of the server."""
    figures = []
    for persistence in PERSISTENCE:
        say(f"enqueue, claim and finish: {persistence}")
        runs: dict[str, list[_Run]] = {}
        for _ in range(effort.repeats):
            async with stage(persistence) as where:
                for kind, run in (await _repeat(where, effort)).items():
                    runs.setdefault(kind, []).append(run)
        figures += [_figure(kind, persistence, each) for kind, each in runs.items()]
    return figures


async def _repeat(where: Stage, effort: Effort) -> dict[str, _Run]:
    digest, upload = stored_definition()
    [first] = signed(unsigned(where, 1, digest), where.pair, a_signature=1)
    await where.tasks.enqueue([first], {digest: upload})
    few, many = effort.single_tasks, effort.batched_tasks
    found: dict[str, _Run] = {}

    async def timed(kind: str, count: int, what: Callable[[], Awaitable[None]]) -> None:
        found[kind] = await _timed(where, count, what)

    await timed("single.signing", few, lambda: _one_by_one(where, digest, few))
    ready = signed(unsigned(where, few, digest), where.pair, a_signature=1)
    await timed("single.presigned", few, lambda: _send(where, ready, 1))
    await timed("batched.signing", many, lambda: _batches(where, digest, many))
    tasks = signed(unsigned(where, many, digest), where.pair, a_signature=BATCH)
    await timed("batched.presigned", many, lambda: _send(where, tasks, BATCH))
    await timed("overlapped.signing", many, lambda: _overlapped(where, digest, many))
    more = signed(unsigned(where, many, digest), where.pair, a_signature=BATCH)
    await timed("overlapped.presigned", many, lambda: _send(where, more, many))
    await timed("claim+finish.single", few, lambda: _drain(where, few, 1))
    await timed("claim+finish.batched", many, lambda: _drain(where, many, BATCH))
    return found


async def _timed(where: Stage, tasks: int, what: Callable[[], Awaitable[None]]) -> _Run:
    gc.collect()
    server_s, client_s = await server_cpu_s(where), time.process_time()
    started_s = time.perf_counter()
    await what()
    took_s = time.perf_counter() - started_s
    client_s = time.process_time() - client_s
    server_s = await server_cpu_s(where) - server_s
    return _Run(
        rate=tasks / took_s, client_us=client_s * 1e6 / tasks, server_us=server_s * 1e6 / tasks
    )


async def _one_by_one(where: Stage, digest: str, count: int) -> None:
    for _ in range(count):
        [task] = signed(unsigned(where, 1, digest), where.pair, a_signature=1)
        await where.tasks.enqueue([task], {})


async def _batches(where: Stage, digest: str, count: int) -> None:
    for _ in range(0, count, BATCH):
        tasks = unsigned(where, BATCH, digest)
        await where.tasks.enqueue(signed(tasks, where.pair, a_signature=BATCH), {})


async def _overlapped(where: Stage, digest: str, count: int) -> None:
    batches = (
        signed(unsigned(where, BATCH, digest), where.pair, a_signature=BATCH)
        for _ in range(0, count, BATCH)
    )
    for answer in await where.tasks.enqueue_batches(batches, {}):
        assert answer.outcome == "queued", answer


async def _send(where: Stage, tasks: Sequence[NewTask], at_once: int) -> None:
    none: dict[str, DefinitionUpload] = {}
    for n in range(0, len(tasks), at_once):
        for answer in await where.tasks.enqueue(tasks[n : n + at_once], none):
            assert answer.outcome == "queued", answer


async def _drain(where: Stage, count: int, at_once: int) -> None:
    """Claim and finish tasks, each claim and each finish one call for `at_once` of them."""
    leases = Leases(where.namespace)
    order = parse("priority", [QUEUE])
    shapes = tuple(await Shapes(where.namespace).all())
    done = 0
    while done < count:
        claimed = await leases.claim(
            "bench",
            secrets.token_hex(8),
            limit=at_once,
            order=order,
            shapes=shapes,
            lease_ms=_LEASE_MS,
            park=False,
        )
        ends = [Finish(claim=c, outcome=Outcome.SUCCEEDED, exit_code=0) for c in claimed.claims]
        assert ends, "the queue ran dry"
        codes = await leases.finish(ends)
        assert all(code == 1 for code in codes), codes
        done += len(ends)


def _figure(kind: str, persistence: str, runs: Sequence[_Run]) -> Figure:
    client_us = median(run.client_us for run in runs)
    server_us = median(run.server_us for run in runs)
    return Figure(
        id=f"enqueue.{kind}.{persistence.replace(' ', '-')}",
        title=f"{_TITLES[kind]}; {persistence}",
        unit="tasks/s",
        values=tuple(run.rate for run in runs),
        note=f"CPU a task: client {client_us:.0f} us, server {server_us:.0f} us",
    )
