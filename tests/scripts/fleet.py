"""Workers, submitters and mishaps that do the next thing at random, as the real ones may."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim, FinishCode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import Order, Profile, parse
from rq_agent.broker.presence import Inbox, Workers
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.ticks import Ticks

from . import steps
from .steps import CPU, GPU, LEASE_MS

QUEUES = ("q1", "q2", "q3")
NEEDS = (CPU, GPU)
FINALS = ("succeeded", "failed", "errored", "timed_out", "cancelled")
BEAT_MS = 5_000


class Worker:
    """One worker as its loops behave: it claims when something is new and there is room."""

    def __init__(self, ns: Namespace, name: str, order: Order, needs: tuple[Need, ...]) -> None:
        self.name = name
        self.order = order
        self.shapes = tuple(shape_id(need) for need in needs)
        self.profile = Profile(order=order, shapes=self.shapes).id
        self.inbox = Inbox(ns, name)
        self.held: list[Claim] = []
        self.slots = 2
        self.has_news = True
        self.is_parked = False
        self.drains = False

    @property
    def has_room(self) -> bool:
        return len(self.held) < self.slots


class Fleet:
    """All of them in one namespace."""

    def __init__(self, ns: Namespace, rng: random.Random) -> None:
        self._ns = ns
        self._rng = rng
        self._ids: list[TaskId] = []
        self._claims: list[Claim] = []
        self._finals: set[TaskId] = set()
        self._runs = 0
        self.added = 0
        self.completed = 0
        orders = (
            parse("priority", ["q1", "q2", "q3"]),
            parse("priority", ["q2"]),
            parse("round-robin", ["q3", "q1"]),
            parse("weighted:3,1", ["q1", "q2"]),
        )
        self.workers = [
            Worker(ns, f"w{n}", order, NEEDS if n % 2 else (CPU,))
            for n, order in enumerate(orders + orders[:2])
        ]

    async def step(self) -> str:
        """Do one thing and return its name."""
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (5, self.enqueue),
            (8, self.claim),
            (2, self.lose_an_answer),
            (10, self.end),
            (2, self.end_again),
            (5, self.beat),
            (2, self.cancel),
            (2, self.run_out),
            (2, self.tick),
            (1, self.roll_back),
            (2, self.limit),
            (1, self.drain),
            (1, self.restart_redis),
            (1, self.leave),
            (10, self.settle),
        ]
        [(_, action)] = self._rng.choices(actions, [weight for weight, _ in actions])
        await action()
        return action.__name__

    async def enqueue(self) -> None:
        tasks = [
            steps.new_task(
                queue=self._rng.choice(QUEUES),
                need=self._rng.choice(NEEDS),
                priority=self._rng.choice((0, 0, 5)),
                delay_ms=self._rng.choice((0, 0, 0, 3_600_000)),
                queue_timeout_ms=self._rng.choice((0, 0, 3_600_000)),
                max_lost=self._rng.choice((1, 3)),
            )
            for _ in range(self._rng.randint(1, 2))
        ]
        for _ in range(self._rng.choice((1, 1, 2))):  # the second time its answer was lost
            await steps.enqueue(self._ns, *tasks)
        self._ids += [task.id for task in tasks]
        self.added += len(tasks)

    async def claim(self) -> None:
        await self.ask(self._rng.choice(self.workers))

    async def ask(self, worker: Worker, *, answers: int = 1) -> bool:
        """Claim as intake does; return whether there was a task."""
        await self._hear(worker)
        if not worker.has_room or worker.drains:
            return False
        worker.has_news = False
        nonce = self._rng.randbytes(8).hex()
        for _ in range(answers):
            claimed = await Leases(self._ns).claim(
                worker.name,
                nonce,
                limit=worker.slots - len(worker.held),
                order=worker.order,
                shapes=worker.shapes,
                lease_ms=LEASE_MS,
                park=True,
            )
        worker.is_parked = claimed.parked
        worker.held += claimed.claims
        self._claims += claimed.claims
        return bool(claimed.claims)

    async def lose_an_answer(self) -> None:
        worker = self._rng.choice(self.workers)
        before = len(worker.held)
        await self.ask(worker, answers=2)
        if self._rng.random() < 0.5:
            del worker.held[before:]  # neither arrived, and it was not asked for again
            worker.has_news = True

    async def end(self) -> None:
        worker = self._rng.choice(self.workers)
        if not worker.held:
            return
        claim = worker.held.pop(self._rng.randrange(len(worker.held)))
        worker.has_news = True
        await self._finish(claim)

    async def end_again(self) -> None:
        """The end of a claim of long ago, or of one that is just being worked on."""
        if self._claims:
            await self._finish(self._rng.choice(self._claims))

    async def _finish(self, claim: Claim) -> None:
        outcome = self._rng.choice((*FINALS, "retry", "release"))
        delay_ms = self._rng.choice((0, 3_600_000))
        code = await steps.finish(self._ns, claim, outcome, delay_ms=delay_ms)
        again = await steps.finish(self._ns, claim, outcome, delay_ms=delay_ms)
        if code == FinishCode.APPLIED:
            assert again == FinishCode.REPLAY
            stored = await steps.fields(self._ns, claim.task_id)
            assert (stored["fence"], stored["nonce"]) == (str(claim.fence), claim.nonce)
            if stored["state"] in FINALS:
                assert claim.task_id not in self._finals, "two completions were accepted"
                self._finals.add(claim.task_id)
                self.completed += 1

    async def beat(self) -> None:
        worker = self._rng.choice(self.workers)
        told = await Leases(self._ns).beat(
            worker.name,
            worker.held,
            ttl_ms=LEASE_MS,
            facts={},
            profile=worker.profile if worker.is_parked else "",
        )
        worker.held = [claim for claim in worker.held if claim.task_id not in told.lost]
        worker.has_news |= bool(told.lost)

    async def cancel(self) -> None:
        if self._ids:
            await Tasks(self._ns).cancel(self._rng.choice(self._ids))

    async def run_out(self) -> None:
        """Let the time of something be over."""
        p, redis = self._ns.prefix, self._ns.redis
        key = self._rng.choice((keys.leases(p), keys.delayed(p), keys.deadlines(p)))
        for member in await steps.members(self._ns, key):
            if self._rng.random() < 0.5:
                await redis.zadd(key, {member: 1}, xx=True)
        await self.tick()

    async def tick(self) -> None:
        await steps.tick(self._ns)

    async def roll_back(self) -> None:
        """Let Redis come back as it was before a task was claimed."""
        leased = await steps.members(self._ns, keys.leases(self._ns.prefix))
        if leased:
            await steps.forget_a_claim(self._ns, TaskId(self._rng.choice(leased)))
            self._tell_all()  # its connections broke

    def _tell_all(self) -> None:
        for worker in self.workers:
            worker.has_news = True

    async def limit(self) -> None:
        most = self._rng.choice(("", "1", "1"))
        key = keys.queue(self._ns.prefix, self._rng.choice(QUEUES))
        await self._ns.redis.hset(key, "max_running", most)
        self._tell_all()  # a limit is changed by hand: ticks wake for what may run now

    async def drain(self) -> None:
        worker = self._rng.choice(self.workers)
        verb = self._ns.scripts.undrain if worker.drains else self._ns.scripts.drain
        if await verb([worker.name]):
            worker.drains = not worker.drains
            worker.has_news = True

    async def restart_redis(self) -> None:
        self._runs += 1
        ticks = Ticks(self._ns)
        await ticks.hello(f"{self._runs}", lease_ms=LEASE_MS, beat_ms=BEAT_MS)
        held: dict[Any, Any] = {"hold_claims_until": 0, "hold_reaping_until": 0}
        await self._ns.redis.hset(keys.globals_(self._ns.prefix), mapping=held)

    async def leave(self) -> None:
        """One stops, and comes back later as another session of its name."""
        worker = self._rng.choice(self.workers)
        if worker.held:
            return
        await Workers(self._ns).leave(worker.name)
        worker.has_news, worker.is_parked, worker.drains = True, False, False
        await worker.inbox.start()

    async def settle(self) -> None:
        """Let all who heard something claim what they can."""
        while True:
            asked = [await self.ask(w) for w in self.workers if await self._may_ask(w)]
            if not asked:
                return

    async def _may_ask(self, worker: Worker) -> bool:
        await self._hear(worker)
        return worker.has_news and worker.has_room and not worker.drains

    async def _hear(self, worker: Worker) -> None:
        worker.has_news |= bool(await worker.inbox.next(0))
        if worker.has_news:
            worker.is_parked = False
