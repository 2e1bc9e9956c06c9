"""A worker with its real loops, whose tasks are no processes: thousands of them cost little.

Claims, beats, the inbox, ticks and finishes are those of worker/; only the runner is another one.
"""

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import anyio
import msgspec

from rq_agent.broker.beats import Beat, Fact
from rq_agent.broker.claims import Finish, FinishCode, Outcome, Token
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.home import below
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import DefinitionUpload
from rq_agent.broker.orders import parse
from rq_agent.broker.presence import Inbox
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.shapes import Shapes
from rq_agent.broker.ticks import Ticks
from rq_agent.broker.worker_connections import worker_connections
from rq_agent.worker.capacity import Capacity
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.endings import StopCause
from rq_agent.worker.finisher import Finisher
from rq_agent.worker.heartbeat import Heartbeat
from rq_agent.worker.held import Held, HeldTasks
from rq_agent.worker.intake import Intake
from rq_agent.worker.mailbox import BLOCK_MS, read_inbox
from rq_agent.worker.signals import Signals
from rq_agent.worker.ticker import tick_while_elected

from .ledger import Pen

_OUTCOMES = {StopCause.CANCELLED: Outcome.CANCELLED, StopCause.RELEASED: Outcome.RELEASE}


class Light(msgspec.Struct, frozen=True, kw_only=True):
    """How one light worker is set up. Plain data: it crosses a pipe."""

    name: str
    url: str
    namespace: str
    ledger: str
    """The file that it writes."""
    home: str
    """A folder; nothing is written there."""
    queues: tuple[str, ...] = ("default",)
    mode: str = "priority"
    slots: int = 1
    lease_ms: int = 2_000
    beat_ms: int = 200
    least_work_s: float = 0.05
    most_work_s: float = 0.15
    """A task takes something in between, unless its name says so: `250ms`."""
    first: Literal["", "finish", "beat"] = ""
    """After it stood still for more than half a lease: what it sends first."""
    is_stubborn: bool = False
    """It tells the end of a task also after it heard that the task is lost."""


async def work(light: Light, pen: Pen) -> None:
    """Work until killed, on connections of its own."""
    signals = Signals()
    async with worker_connections(
        light.url,
        light.namespace,
        lease_ms=light.lease_ms,
        beat_ms=light.beat_ms,
        block_ms=BLOCK_MS,
        on_restart=signals.redis_restarted,
        warn=lambda text: None,
    ) as (answering, blocking):
        await LightWorker(light, answering, blocking, pen, signals).run()


class LightWorker:
    """Wires the loops as the supervisor does."""

    def __init__(
        self,
        light: Light,
        answering: Namespace,
        blocking: Namespace,
        pen: Pen,
        signals: Signals | None = None,
    ) -> None:
        self._light = light
        self._answering = answering
        self._blocking = blocking
        self._pen = pen
        self.signals = signals or Signals()
        self.tasks = HeldTasks(self.signals.notify)
        self._config = config_of(light)
        self._capacity = Capacity(
            slots=light.slots, gpus=(), cpus=self._config.cpus, mem_mib=self._config.mem_mib
        )
        self._leases = Leases(answering)
        self._order = Waking(light)
        self._finisher = Finisher(self._leases, self.signals.outage)
        beats = OrderedBeats(answering, self._order)
        self._heartbeat = Heartbeat(self._config, self.tasks, self.signals, beats, self._facts)

    async def run(self) -> None:
        """Work until drained, or cancelled."""
        inbox = Inbox(self._blocking, self._light.name)
        await inbox.start()
        await self._heartbeat.beat_once()
        self._pen.note("up")
        async with anyio.create_task_group() as loops:
            loops.start_soon(self._heartbeat.run)
            loops.start_soon(read_inbox, inbox, self.tasks, self.signals, lambda: None)
            loops.start_soon(self._finisher.run)
            loops.start_soon(self._tick)
            loops.start_soon(self._replay_after_restarts)
            async with anyio.create_task_group() as runners:

                def start_one(held: Held) -> None:
                    def make_anew() -> bool:
                        runners.start_soon(self._make_anew, held)
                        return True

                    held.make_anew = make_anew
                    runners.start_soon(self._run_one, held)

                def start(taken: Sequence[Held]) -> None:
                    for held in taken:
                        start_one(held)

                intake = Intake(
                    self._config,
                    self._capacity,
                    self.tasks,
                    self.signals,
                    self._leases,
                    Shapes(self._answering),
                    start,
                )
                await intake.run()
            loops.cancel_scope.cancel()

    async def _tick(self) -> None:
        ticks = Ticks(self._answering)
        await tick_while_elected(self._heartbeat, ticks, lease_ms=self._light.lease_ms)

    async def _replay_after_restarts(self) -> None:
        while True:
            heard = self.signals.heard
            if not self.signals.is_replayed:
                restarts = self.signals.restarts
                self._finisher.replay()
                await self._finisher.replayed()
                self.signals.replayed = restarts
            await self.signals.news(since=heard)

    async def _make_anew(self, held: Held) -> None:
        definition = DefinitionUpload(encoded=b"not verified by light workers")
        known = Recreation(claim=held.claim, need=held.need, definition=definition)
        with suppress(BrokerUnavailable):  # the next beat asks for it again
            await self._leases.recreate(self._light.name, known, lease_ms=self._light.lease_ms)

    async def _run_one(self, held: Held) -> None:
        try:
            await self._run(held)
        finally:
            self._capacity.give_back(held.key)
            self.tasks.remove(held)

    async def _run(self, held: Held) -> None:
        self._pen.note("start", held.claim)
        ends_at_s = time.monotonic() + self._work_s(held)
        with self._order.working(ends_at_s):
            with anyio.move_on_after(max(0.0, ends_at_s - time.monotonic())):
                await held.stopping.wait()
            await self._order.before_finish()
            if held.cause is StopCause.LOST and not self._light.is_stubborn:
                return self._pen.note("lost", held.claim)
            outcome = Outcome.SUCCEEDED
            if held.cause is not None:
                outcome = _OUTCOMES.get(held.cause, Outcome.SUCCEEDED)
            self._pen.note("end", held.claim, outcome=outcome.value)
            finish = Finish(claim=held.claim, outcome=outcome)
            code = await self._finisher.deliver(finish)
            if code is FinishCode.GONE:  # redis came back without it
                await self._make_anew(held)
                code = await self._finisher.deliver(finish)
            self._pen.note("told", held.claim, outcome=outcome.value, code=code.value)

    def _work_s(self, held: Held) -> float:
        if (name := held.claim.name).endswith("ms"):
            return int(name.removesuffix("ms")) / 1000
        return random.uniform(self._light.least_work_s, self._light.most_work_s)

    def _facts(self) -> Mapping[str, str]:
        return {"state": self.signals.state or ("busy" if len(self.tasks) else "idle")}


class _Working:
    """Counts a task whose end is not told yet."""

    def __init__(self, ends: list[float], ends_at_s: float) -> None:
        self._ends = ends
        self._ends_at_s = ends_at_s

    def __enter__(self) -> None:
        self._ends.append(self._ends_at_s)

    def __exit__(self, *error: object) -> None:
        self._ends.remove(self._ends_at_s)


class Waking:
    """Which of finish and beat goes out first after the worker stood still."""

    def __init__(self, light: Light) -> None:
        self._first = light.first
        self._gap_s = light.lease_ms / 2000
        self._ends: list[float] = []
        self._beaten_at_s = time.monotonic()
        self._beaten = anyio.Event()

    def working(self, ends_at_s: float) -> _Working:
        """While open, a task is due at that time."""
        return _Working(self._ends, ends_at_s)

    async def before_beat(self) -> None:
        """Wait for the ends that are due, where those come first."""
        if self._first == "finish" and self._stood_still():
            while any(end_s <= time.monotonic() for end_s in self._ends):
                await anyio.sleep(0.001)

    def after_beat(self) -> None:
        """A beat was answered."""
        self._beaten_at_s = time.monotonic()
        self._beaten.set()
        self._beaten = anyio.Event()

    async def before_finish(self) -> None:
        """Wait for the answer to a beat, where that comes first."""
        if self._first == "beat" and self._stood_still():
            await self._beaten.wait()

    def _stood_still(self) -> bool:
        return time.monotonic() - self._beaten_at_s > self._gap_s


class OrderedBeats(Leases):
    """Beats that take their turn."""

    def __init__(self, ns: Namespace, order: Waking) -> None:
        super().__init__(ns)
        self._order = order

    async def beat(
        self,
        worker: str,
        held: Sequence[Token],
        *,
        ttl_ms: int,
        facts: Mapping[str, Fact],
        profile: str = "",
        is_last: bool = True,
        least_ms: int = 0,
    ) -> Beat:
        """Renew the leases, after the finishes where those come first."""
        await self._order.before_beat()
        beat = await super().beat(
            worker,
            held,
            ttl_ms=ttl_ms,
            facts=facts,
            profile=profile,
            is_last=is_last,
            least_ms=least_ms,
        )
        self._order.after_beat()
        return beat


def config_of(light: Light) -> WorkerConfig:
    """Return what the loops are told. Leases may be shorter than people may ask for."""
    return WorkerConfig(
        name=light.name,
        order=parse(light.mode, light.queues),
        home=below(Path(light.home)),
        slots=light.slots,
        lease_ms=light.lease_ms,
        beat_ms=light.beat_ms,
    )
