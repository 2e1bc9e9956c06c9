"""Any number of moves against a plain list: the order is exactly the same."""

import random
from collections.abc import Awaitable, Callable

import pytest

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, check_records, order
from .steps import add, claim, claim_one, fields, finish, lose

MOVES = 300
PRIORITIES = (3, 0, -2)


class Listed:
    """The tasks of one queue: a list for each priority, in order."""

    def __init__(self, ns: Namespace, rng: random.Random) -> None:
        self._moves = Moves(ns)
        self._ns = ns
        self._rng = rng
        self._lists: dict[int, list[TaskId]] = {priority: [] for priority in PRIORITIES}

    @property
    def all(self) -> list[str]:
        return [i for priority in PRIORITIES for i in self._lists[priority]]

    async def fill(self, count: int) -> None:
        for _ in range(count):
            await self.add()

    async def step(self) -> str:
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (3, self.top),
            (3, self.bottom),
            (8, self.before),
            (8, self.after),
            (6, self.by),
            (3, self.run_and_come_back),
            (1, self.add),
        ]
        [(_, action)] = self._rng.choices(actions, [weight for weight, _ in actions])
        await action()
        return action.__name__

    async def add(self) -> None:
        priority = self._rng.choice(PRIORITIES)
        self._lists[priority] += await add(
            self._ns, priority=priority, need=self._rng.choice(NEEDS)
        )

    async def top(self) -> None:
        at, task_id = self._any()
        at.remove(task_id)
        at.insert(0, task_id)
        await self._moves.to_top(task_id)

    async def bottom(self) -> None:
        at, task_id = self._any()
        at.remove(task_id)
        at.append(task_id)
        await self._moves.to_bottom(task_id)

    async def before(self) -> None:
        await self._next_to(0)

    async def after(self) -> None:
        await self._next_to(1)

    async def _next_to(self, offset: int) -> None:
        at, task_id = self._any()
        of_other, other = self._any(narrow=True)
        if task_id == other:
            return
        at.remove(task_id)
        of_other.insert(of_other.index(other) + offset, task_id)
        await (self._moves.after if offset else self._moves.before)(task_id, other)

    async def by(self) -> None:
        at, task_id = self._any()
        steps = self._rng.choice((-1000, -5, -2, -1, 1, 2, 5, 1000))
        place = max(at.index(task_id) + steps, 0)
        at.remove(task_id)
        at.insert(place, task_id)
        await self._moves.by(task_id, steps)

    async def run_and_come_back(self) -> None:
        claim = await claim_one(self._ns, needs=NEEDS)
        assert claim.task_id == self.all[0]
        if self._rng.random() < 0.5:
            await finish(self._ns, claim, "release")
        else:
            await self._ns.redis.hdel(f"{self._ns.prefix}t:{claim.task_id}", "lost")
            await lose(self._ns, claim.task_id)

    def _any(self, *, narrow: bool = False) -> tuple[list[TaskId], TaskId]:
        """Return a task and its list; a narrow choice makes gaps close."""
        at = self._rng.choice([tasks for tasks in self._lists.values() if tasks])
        return at, self._rng.choice(at[:2] if narrow else at)


@pytest.mark.parametrize("seed", [1, 2])
async def test_moves_at_random_keep_the_order_of_a_list(namespace: Namespace, seed: int) -> None:
    listed = Listed(namespace, random.Random(seed))
    await listed.fill(20)

    for n in range(MOVES):
        name = await listed.step()
        assert await order(namespace) == listed.all, f"seed {seed}, move {n}: {name}"

    await check_records(namespace)


async def test_tasks_that_share_a_place_are_served_by_their_ids(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 6)
    p, redis = namespace.prefix, namespace.redis
    for task_id in ids[::-1]:
        stored = await fields(namespace, task_id)
        await redis.zadd(keys.ready(p, "q", stored["shape"]), {task_id: float(1 << 51)})

    for needs in (NEEDS, NEEDS[::-1]):
        claims = (await claim(namespace, needs=needs, limit=3)).claims
        assert [c.task_id for c in claims] == ids[:3]
        ids = ids[3:]
