"""What submitters and workers call, to be measured. A new verb is a function and a line in VERBS."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from rq_agent.broker.beats import BATCH as LEASES_A_BEAT
from rq_agent.broker.claims import Claim, Outcome
from rq_agent.broker.new_task import Parent
from rq_agent.broker.states import Phase
from rq_agent.broker.ticks import Ticks

from .backlog import LEASE_MS, QUEUES, SHAPES, Backlog, Call, Verb
from .batch import BATCH

_DUE: Final = 200


@asynccontextmanager
async def _enqueue(backlog: Backlog, *, count: int, is_child: bool = False) -> AsyncIterator[Call]:
    parents = (Parent(await backlog.amid()),) if is_child else ()
    tasks = backlog.made(count, parents=parents)
    yield lambda: backlog.add(tasks)


@asynccontextmanager
async def _claim(
    backlog: Backlog, *, limit: int, is_wide: bool = False, mode: str = "priority"
) -> AsyncIterator[Call]:
    claims: list[Claim] = []

    async def call() -> None:
        if is_wide:
            claims.extend(await backlog.claim(limit, queues=QUEUES, shapes=SHAPES, mode=mode))
        else:
            claims.extend(await backlog.claim(limit, mode=mode))

    yield call
    assert len(claims) == limit, f"claimed {len(claims)} of {limit}"
    await backlog.finish(claims, Outcome.RELEASE)


@asynccontextmanager
async def _finish_parent(backlog: Backlog) -> AsyncIterator[Call]:
    [claim] = await backlog.claim(1)
    edges = (Parent(claim.task_id),)
    await backlog.add(backlog.made(BATCH - 1, parents=edges))
    yield lambda: backlog.finish([claim], Outcome.SUCCEEDED)


@asynccontextmanager
async def _finish(backlog: Backlog, *, count: int, outcome: Outcome) -> AsyncIterator[Call]:
    claims = await backlog.claim(count)
    yield lambda: backlog.finish(claims, outcome)
    if outcome is Outcome.SUCCEEDED:
        await backlog.add(backlog.made(count))


@asynccontextmanager
async def _beat(backlog: Backlog, *, count: int) -> AsyncIterator[Call]:
    claims: list[Claim] = []
    while len(claims) < count:
        claims += await backlog.claim(min(BATCH, count - len(claims)))
    yield lambda: backlog.leases.beat("bench", claims, ttl_ms=LEASE_MS, facts={"state": "busy"})
    await backlog.finish(claims, Outcome.RELEASE)


@asynccontextmanager
async def _tick(backlog: Backlog) -> AsyncIterator[Call]:
    yield lambda: Ticks(backlog.namespace).tick(lease_ms=LEASE_MS)


@asynccontextmanager
async def _tick_due(backlog: Backlog) -> AsyncIterator[Call]:
    tasks = backlog.made(_DUE, delay_ms=3_600_000)
    ids = await backlog.add(tasks)
    p, redis = backlog.namespace.prefix, backlog.namespace.redis
    await redis.zadd(f"{p}delay", dict.fromkeys(ids, 1.0), xx=True)
    yield lambda: Ticks(backlog.namespace).tick(lease_ms=LEASE_MS)


@asynccontextmanager
async def _tick_lost(backlog: Backlog) -> AsyncIterator[Call]:
    claims = await backlog.claim(_DUE)
    await Ticks(backlog.namespace).tick(lease_ms=LEASE_MS)  # no long gap: reaping is not held
    p, redis = backlog.namespace.prefix, backlog.namespace.redis
    await redis.zadd(f"{p}lease", {claim.task_id: 1.0 for claim in claims}, xx=True)
    yield lambda: Ticks(backlog.namespace).tick(lease_ms=LEASE_MS)
    # They count as lost only this once: the next sample takes others' place.
    for task_id in await backlog.oldest(_DUE):
        await redis.hdel(f"{p}t:{task_id}", "lost")


@asynccontextmanager
async def _phase(backlog: Backlog) -> AsyncIterator[Call]:
    claims = await backlog.claim(1)
    yield lambda: backlog.leases.phase(claims[0], Phase.RUNNING)
    await backlog.finish(claims, Outcome.RELEASE)


@asynccontextmanager
async def _hello(backlog: Backlog) -> AsyncIterator[Call]:
    yield lambda: Ticks(backlog.namespace).hello("same", lease_ms=LEASE_MS, beat_ms=5_000)


_WIDE: Final = f"{len(QUEUES)} queues, {len(SHAPES)} shapes"

VERBS: Final[Mapping[str, Verb]] = {
    "enqueue.1": Verb("enqueue 1", partial(_enqueue, count=1)),
    "enqueue.200": Verb("enqueue 200", partial(_enqueue, count=BATCH)),
    "claim.1": Verb("claim 1", partial(_claim, limit=1)),
    "claim.200": Verb("claim 200", partial(_claim, limit=BATCH)),
    "claim-turns.200": Verb(
        "claim 200, round robin", partial(_claim, limit=200, mode="round-robin")
    ),
    "claim-wide.1": Verb(f"claim 1, {_WIDE}", partial(_claim, limit=1, is_wide=True)),
    "claim-wide.200": Verb(f"claim 200, {_WIDE}", partial(_claim, limit=BATCH, is_wide=True)),
    "claim-wide-turns.1": Verb(
        f"claim 1, {_WIDE}, round robin",
        partial(_claim, limit=1, is_wide=True, mode="round-robin"),
    ),
    "claim-wide-turns.200": Verb(
        f"claim 200, {_WIDE}, round robin",
        partial(_claim, limit=BATCH, is_wide=True, mode="round-robin"),
    ),
    "enqueue-children.200": Verb(
        "enqueue 200 that wait for one parent", partial(_enqueue, count=BATCH, is_child=True)
    ),
    "finish-parent": Verb("finish a parent of 199", _finish_parent),
    "finish.1": Verb("finish 1", partial(_finish, count=1, outcome=Outcome.SUCCEEDED)),
    "finish.200": Verb("finish 200", partial(_finish, count=BATCH, outcome=Outcome.SUCCEEDED)),
    "retry.200": Verb(
        "finish 200, to run again", partial(_finish, count=200, outcome=Outcome.RETRY)
    ),
    "release.200": Verb(
        "finish 200, given back", partial(_finish, count=BATCH, outcome=Outcome.RELEASE)
    ),
    "beat.1": Verb("beat with 1 lease", partial(_beat, count=1)),
    "beat.256": Verb(f"beat with {LEASES_A_BEAT} leases", partial(_beat, count=LEASES_A_BEAT)),
    "tick": Verb("tick, nothing due", _tick),
    "tick-due.200": Verb(f"tick, {_DUE} delayed ones due", _tick_due),
    "tick-lost.200": Verb(f"tick, {_DUE} leases run out", _tick_lost),
    "phase": Verb("phase", _phase),
    "hello": Verb("hello", _hello),
}
