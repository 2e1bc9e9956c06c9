"""One namespace and the model of it: every verb is asked of both, and both must say the same."""

import copy
from asyncio import Runner
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from rq_agent.broker.claims import Finish, Outcome
from rq_agent.broker.claims import Token as RealToken
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.new_task import Condition, NewTask, Parent
from rq_agent.broker.orders import Order
from rq_agent.broker.presence import Workers
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.ticks import Ticks
from tests.scripts.steps import DIGEST, UPLOAD

from . import adding, beating, claiming, compare, ending, invariants, stored, ticking
from .adding import Spec
from .claiming import Answer, Ask
from .clock import Clock
from .ending import Token
from .moves import RETENTION_MS
from .state import State

T = TypeVar("T")
LEASE_MS = 60_000
BEAT_MS = 5_000
NEEDS = {shape_id(need): need for need in (Need(), Need(gpus=1))}
SHAPES = tuple(NEEDS)
Saved = tuple[stored.Dump, State]


@dataclass(frozen=True)
class Server:
    """One server, as the client sees it and as the checks do."""

    runner: Runner
    redis: AsyncRedis
    reader: Redis
    knows_flags: bool

    def close(self) -> None:
        self.runner.run(self.redis.aclose())
        self.reader.close()


class Rig:
    """A namespace that is called through the real client, and the model beside it."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self.ns = Namespace(server.redis, name, allow_oom=server.knows_flags)
        self.clock = Clock(self.ns)
        self.state = State()
        self.calls = 0
        self.set_time(self.clock.now_ms)

    @property
    def now(self) -> int:
        return self.clock.now_ms

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        self.calls += 1
        return self._server.runner.run(call)

    def set_time(self, now_ms: int) -> None:
        self.run(self.clock.set(now_ms))

    def read(self) -> stored.Stored:
        return stored.read(self._server.reader, self.ns.prefix)

    def check(self) -> None:
        """Compare all that is stored with the model, and with itself."""
        found = self.read()
        invariants.check(found)
        compare.check(self.state, found)

    def save(self) -> Saved:
        """What a server saves, and what the model believed then."""
        return stored.dump(self._server.reader, self.ns.prefix), copy.deepcopy(self.state)

    def roll_back(self, saved: Saved) -> None:
        """The server died and comes back as it was saved."""
        stored.restore(self._server.reader, self.ns.prefix, saved[0])
        self.state = copy.deepcopy(saved[1])

    def close(self) -> None:
        stored.clear(self._server.reader, self.ns.prefix)
        self.run(self.clock.remove())

    def enqueue(self, specs: list[Spec]) -> None:
        told = self.run(Tasks(self.ns).enqueue([_new_task(spec) for spec in specs], UPLOAD))
        said = [f"{e.outcome}:{e.other}" if e.other else e.outcome.value for e in told]
        assert said == adding.enqueue(self.state, self.now, specs)

    def claim(self, worker: str, nonce: str, limit: int, order: Order, shapes: list[str]) -> Answer:
        ask = Ask(
            worker=worker,
            nonce=nonce,
            limit=limit,
            lease_ms=LEASE_MS,
            strides=order.mode != "priority",
            order=order.id,
            queues=order.queues,
            weights=order.all_weights,
            shapes=tuple(shapes),
        )
        options: dict[str, Any] = {"limit": limit, "order": order, "shapes": shapes}
        told = self.run(
            Leases(self.ns).claim(worker, nonce, lease_ms=LEASE_MS, park=True, **options)
        )
        is_replay = self._is_replay(ask)
        expected = claiming.claim(self.state, self.now, ask)
        tasks = [
            (c.task_id, c.fence, c.queue, c.shape, c.attempt, c.priority, c.lost)
            for c in told.claims
        ]
        said = Answer(tasks, told.next_due_ms, told.parked, told.hold_until_ms)
        if is_replay:  # in any order
            said, expected = _sorted(said), _sorted(expected)
        assert said == expected
        assert not told.again
        return expected

    def _is_replay(self, ask: Ask) -> bool:
        record = self.state.workers.get(ask.worker)
        return record is not None and record.claim_nonce == ask.nonce

    def finish(self, token: Token, outcome: str, *, delay_ms: int, reason: str) -> int:
        end = Finish(
            claim=_real(token), outcome=Outcome(outcome), delay_ms=delay_ms, reason=reason
        )
        (code,) = self.run(Leases(self.ns).finish([end]))
        assert code == ending.finish(
            self.state, self.now, token, outcome, delay_ms=delay_ms, reason=reason
        )
        return int(code)

    def beat(self, worker: str, held: list[Token], profile: str) -> tuple[beating.Told, bool]:
        """Return what it is told, and whether it is parked: who is woken is left to chance."""
        tokens = [_real(token) for token in held]
        options: dict[str, Any] = {"ttl_ms": LEASE_MS, "facts": {}, "profile": profile}
        told = self.run(Leases(self.ns).beat(worker, tokens, **options))
        expected = beating.beat(self.state, self.now, worker, held, LEASE_MS)
        said = beating.Told(
            lost=list(told.lost),
            cancels={str(i): grace for i, grace in told.cancels.items()},
            given_back=set(told.given_back),
            is_ticker=told.is_ticker,
            command=told.command,
        )
        assert said == expected
        return expected, told.is_parked

    def cancel(self, task_id: str, grace_ms: int | None) -> None:
        code = self.run(self.ns.scripts.cancel([task_id, "", _text(grace_ms), RETENTION_MS]))
        assert code.decode() == ending.cancel(self.state, self.now, task_id, grace_ms=grace_ms)

    def tick(self, limit: int) -> None:
        """Tick until there is no more to do; with a small limit that takes several calls."""
        sums = (0, 0, 0, 0)
        for _ in range(1000):
            told = self.run(Ticks(self.ns).tick(lease_ms=LEASE_MS, limit=limit))
            did = (told.reaped, told.promoted, told.expired, told.purged)
            sums = tuple(a + b for a, b in zip(sums, did, strict=True))  # type: ignore[assignment]
            if not told.more:
                break
        assert sums == ticking.tick(self.state, self.now, lease_ms=LEASE_MS)

    def hello(self, run_id: str) -> None:
        told = self.run(Ticks(self.ns).hello(run_id, lease_ms=LEASE_MS, beat_ms=BEAT_MS))
        held_until = ticking.hello(
            self.state, self.now, run_id, lease_ms=LEASE_MS, beat_ms=BEAT_MS
        )
        assert told.hold_claims_until_ms == held_until

    def drain(self, worker: str) -> bool:
        is_told = bool(self.run(self.ns.scripts.drain([worker])))
        assert is_told == ticking.drain(self.state, worker)
        return is_told

    def undrain(self, worker: str) -> bool:
        is_told = bool(self.run(self.ns.scripts.undrain([worker])))
        assert is_told == ticking.undrain(self.state, worker)
        return is_told

    def leave(self, worker: str) -> None:
        self.run(Workers(self.ns).leave(worker))
        ticking.leave(self.state, worker)


def _new_task(spec: Spec) -> NewTask:
    return NewTask(
        id=TaskId(spec.id),
        queue=spec.queue,
        definition=DIGEST,
        envelope=b"signed",
        need=NEEDS[spec.shape],
        priority=spec.priority,
        delay_ms=spec.delay_ms,
        at_ms=spec.at_ms,
        queue_timeout_ms=spec.queue_timeout_ms,
        max_lost=spec.max_lost,
        lease_ms=spec.lease_ms,
        concurrency_key=spec.key,
        concurrency_limit=spec.key_limit,
        unique=spec.unique,
        replaces=spec.replace,
        is_draft=spec.is_draft,
        parents=tuple(Parent(TaskId(i), Condition(condition)) for condition, i in spec.parents),
    )


def _real(token: Token) -> RealToken:
    return RealToken(task_id=TaskId(token.task_id), fence=token.fence, nonce=token.nonce)


def _sorted(answer: Answer) -> Answer:
    return Answer(sorted(answer.tasks), answer.due, answer.parked, answer.held_until)


def _text(grace_ms: int | None) -> str:
    return "" if grace_ms is None else str(grace_ms)
