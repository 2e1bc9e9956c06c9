"""A namespace with many waiting tasks, and what a call of a script costs its server there."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec

from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import Order, parse
from rq_agent.broker.tasks import NewTask, Tasks

from .batch import BATCH, signed, stored_definition, unsigned
from .stage import QUEUE, Stage

LEASE_MS: Final = 600_000
"""Longer than a run: nothing is lost meanwhile."""
NEEDS: Final = tuple(Need(cpus=n) for n in range(8))
SHAPES: Final = tuple(shape_id(need) for need in NEEDS)
QUEUES: Final = (QUEUE, *(f"queue-{n}" for n in range(1, 200)))
_SPREAD: Final = 2
"""Tasks of each queue and shape; all others wait in one queue, in one shape."""

Call = Callable[[], Awaitable[object]]


class Verb(msgspec.Struct, frozen=True):
    """What is measured: an unmeasured preparation, one call, an unmeasured clean-up."""

    title: str
    prepared: "Callable[[Backlog], AbstractAsyncContextManager[Call]]"


class Backlog:
    """Waiting tasks: a few in each of 200 queues and 8 shapes, the others in `default`."""

    def __init__(self, where: Stage) -> None:
        self.where = where
        self.namespace = where.namespace
        self.tasks = Tasks(where.namespace)
        self.leases = Leases(where.namespace)
        self._digest, self._upload = stored_definition()

    async def spread(self) -> None:
        """Add a few tasks for each queue and shape, and what all tasks run."""
        places = [(queue, need) for queue in QUEUES for need in NEEDS] * _SPREAD
        tasks = [
            msgspec.structs.replace(task, queue=queue, need=need)
            for task, (queue, need) in zip(self.made(len(places)), places, strict=True)
        ]
        await self.tasks.enqueue(tasks, {self._digest: self._upload})

    async def fill(self, size: int) -> int:
        """Add tasks until so many wait in `default`; return how many were added."""
        missing = max(0, size - await self.namespace.redis.zcard(self._line))
        batches = (self.made(min(BATCH, missing - n)) for n in range(0, missing, BATCH))
        for answer in await self.tasks.enqueue_batches(batches, {}):
            assert answer.outcome == "queued", answer
        return missing

    async def add(self, tasks: Sequence[NewTask]) -> list[TaskId]:
        """Add tasks and return their ids."""
        for answer in await self.tasks.enqueue(tasks, {}):
            assert answer.outcome in ("queued", "delayed", "waiting"), answer
        return [task.id for task in tasks]

    def made(self, count: int, **fields: Any) -> list[NewTask]:
        """Return tasks as people submit them, but for some fields."""
        tasks = unsigned(self.where, count, self._digest)
        made = signed(tasks, self.where.pair, a_signature=BATCH)
        return [msgspec.structs.replace(task, **fields) for task in made] if fields else made

    async def claim(
        self,
        limit: int,
        *,
        queues: Sequence[str] = (QUEUE,),
        shapes: Sequence[str] = SHAPES[:1],
        mode: str = "priority",
    ) -> list[Claim]:
        """Take tasks."""
        order: Order = parse(mode, queues)
        claimed = await self.leases.claim(
            "bench",
            secrets.token_hex(8),
            limit=limit,
            order=order,
            shapes=shapes,
            lease_ms=LEASE_MS,
            park=False,
        )
        return list(claimed.claims)

    async def finish(self, claims: Sequence[Claim], outcome: Outcome) -> None:
        """End claims, as many in a call as it takes."""
        codes = await self.leases.finish([Finish(claim=c, outcome=outcome) for c in claims])
        assert all(code == 1 for code in codes), codes

    async def oldest(self, count: int) -> list[TaskId]:
        """Return the first waiting tasks of `default`."""
        return await self._range(0, count - 1)

    async def amid(self) -> TaskId:
        """Return some task from the middle half of `default`."""
        waiting = await self.namespace.redis.zcard(self._line)
        rank = waiting // 4 + secrets.randbelow(waiting // 2)
        [found] = await self._range(rank, rank)
        return found

    async def _range(self, first: int, last: int) -> list[TaskId]:
        found: Any = await self.namespace.redis.zrange(self._line, first, last)
        return [TaskId(raw.decode()) for raw in found]

    @property
    def _line(self) -> str:
        return f"{self.namespace.prefix}q:{QUEUE}:{SHAPES[0]}"

    async def server_us(self, call: Call) -> float:
        """Return for how long the scripts of a call kept the server busy, us."""
        before = await self._script_us()
        await call()
        return await self._script_us() - before

    async def _script_us(self) -> float:
        told: Any = await self.namespace.redis.info("commandstats")
        return float(told.get("cmdstat_evalsha", {}).get("usec", 0))
