"""One namespace and the model of it; verbs are asked of both, and both must say the same."""

import copy
from asyncio import Runner
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id

from . import compare, invariants, stored
from .clock import Clock
from .ending import Token
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


class Base:
    """A namespace that is called through the real client, and the model beside it."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self.ns = Namespace(server.redis, name, allow_oom=server.knows_flags)
        self.clock = Clock(self.ns)
        self.state = State()
        self.calls = 0
        self.known: dict[Token, Claim] = {}
        """What workers were told of their claims."""
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

    def check_events(self) -> None:
        """Every change was told once; so every end of a task was."""
        told: Counter[tuple[str, str]] = Counter()
        entries: Any = self._server.reader.xrange(keys.events(self.ns.prefix))
        for _, entry in entries:
            told[entry[b"id"].decode(), entry[b"event"].decode()] += 1
        assert told == self.state.events, "events"

    def orders(self) -> dict[str, float]:
        """The score of every task that has one."""
        pipe = self._server.reader.pipeline(transaction=False)
        for task_id in self.state.tasks:
            pipe.hget(keys.task(self.ns.prefix, keys.TaskId(task_id)), "order")
        pairs = zip(self.state.tasks, pipe.execute(), strict=True)
        return {task_id: float(order) for task_id, order in pairs if order}

    def sequences(self) -> dict[str, int]:
        """The number of the last place that each queue gave out."""
        read = self._server.reader.hget
        told: Any = {
            name: read(keys.queue(self.ns.prefix, name), "sequence") for name in self.state.queues
        }
        return {name: int(number) for name, number in told.items() if number}

    def close(self) -> None:
        stored.clear(self._server.reader, self.ns.prefix)
        self.run(self.clock.remove())
