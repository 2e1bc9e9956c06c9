"""The ends of tasks, told to a real server that loses them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.claims import Claim, Finish, FinishCode, Outcome
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.leases import Leases
from rq_agent.broker.logs import Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.orders import parse
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.finisher import Finisher
from rq_agent.worker.heartbeat import Heartbeat
from rq_agent.worker.held import Held, HeldTasks
from rq_agent.worker.known import Known
from rq_agent.worker.outage import Outage
from rq_agent.worker.recreation import Recreations
from rq_agent.worker.retelling import Retelling
from rq_agent.worker.shipping import Shipping
from rq_agent.worker.signals import Signals
from rq_agent.worker.snapshots import Snapshots

from ...scripts import steps
from .lab import Lab
from .tampering import definition_of


class Clock:
    """Set by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def delivering(lab: Lab, clock: Clock) -> AsyncIterator[tuple[Finisher, Outage]]:
    outage = Outage(now_s=clock)
    finisher = Finisher(Leases(lab.namespace), outage)
    async with anyio.create_task_group() as tg:
        tg.start_soon(finisher.run)
        yield finisher, outage
        tg.cancel_scope.cancel()


def end_of(claim: Claim) -> Finish:
    return Finish(claim=claim, outcome=Outcome.SUCCEEDED, exit_code=0)


async def lose_the_end(lab: Lab, claim: Claim) -> None:
    """Let the record be as if Redis had come back from just before the end."""
    key = keys.task(lab.namespace.prefix, claim.task_id)
    await lab.namespace.redis.hset(key, mapping={"state": "queued", "finished": "", "fence": 0})
    await lab.namespace.redis.zrem(keys.done(lab.namespace.prefix), claim.task_id)


async def test_an_end_is_told_again_however_long_redis_was_away(lab: Lab, clock: Clock) -> None:
    claim = await steps.running(lab.namespace)
    heard: list[FinishCode] = []
    told_again = anyio.Event()

    def retell(code: FinishCode, is_recent: bool) -> None:
        heard.append(code)
        assert is_recent
        told_again.set()

    async with delivering(lab, clock) as (finisher, _):
        await finisher.deliver(end_of(claim), retell=retell)
        await lose_the_end(lab, claim)
        clock.now_s += 600
        finisher.replay()
        with anyio.fail_after(10):
            await told_again.wait()

    assert heard == [FinishCode.APPLIED]
    assert await steps.state(lab.namespace, claim.task_id) == "succeeded"


async def test_an_end_that_redis_had_for_a_minute_is_told_no_more(lab: Lab, clock: Clock) -> None:
    claim = await steps.running(lab.namespace)
    async with delivering(lab, clock) as (finisher, outage):
        await finisher.deliver(end_of(claim))
        clock.now_s += 61
        outage.answered()

        finisher.replay()

        assert finisher.waiting == 0


async def test_an_end_whose_answer_was_lost_is_told_again_too(lab: Lab, clock: Clock) -> None:
    claim = await steps.running(lab.namespace)
    await Leases(lab.namespace).finish([end_of(claim)])
    async with delivering(lab, clock) as (finisher, _):
        assert await finisher.deliver(end_of(claim)) is FinishCode.REPLAY

        finisher.replay()

        assert finisher.waiting == 1


def beating(lab: Lab, signals: Signals) -> Heartbeat:
    """Return the heartbeat of a worker that holds nothing."""
    config = WorkerConfig(name="w1", order=parse("priority", ["q"]), home=lab.home)
    return Heartbeat(config, HeldTasks(signals.notify), signals, Leases(lab.namespace), dict)


async def remembered(lab: Lab) -> dict[bytes, Any]:
    found = [key async for key in lab.namespace.redis.scan_iter(match=f"{lab.namespace.prefix}*")]
    return {key: await lab.namespace.redis.dump(key) for key in found}


async def roll_back(lab: Lab, before: dict[bytes, Any]) -> None:
    await lab.namespace.redis.delete(*await remembered(lab))
    for key, value in before.items():
        await lab.namespace.redis.restore(key, 0, value)


async def test_no_task_that_ended_is_given_back_before_its_end_is_told_again(
    lab: Lab, clock: Clock
) -> None:
    claim = await steps.running(lab.namespace, worker="w1")
    signals = Signals()
    heartbeat = beating(lab, signals)
    before = await remembered(lab)
    async with delivering(lab, clock) as (finisher, _):
        await finisher.deliver(end_of(claim))
        await roll_back(lab, before)
        signals.redis_restarted()
        for _ in range(5):
            await heartbeat.beat_once()

        assert await steps.state(lab.namespace, claim.task_id) == "running"

        finisher.replay()
        await finisher.replayed()
        signals.replayed = signals.restarts
        for _ in range(5):
            await heartbeat.beat_once()

        assert await steps.state(lab.namespace, claim.task_id) == "succeeded"


async def test_a_worker_whose_ends_are_told_again_misses_tasks_as_before(lab: Lab) -> None:
    """A claim whose answer was lost is given back after two beats that do not list it."""
    claim = await steps.running(lab.namespace, worker="w1")
    signals = Signals()
    heartbeat = beating(lab, signals)
    signals.redis_restarted()
    signals.replayed = signals.restarts

    while await steps.state(lab.namespace, claim.task_id) == "running":
        await heartbeat.beat_once()

    assert await steps.state(lab.namespace, claim.task_id) == "queued"


class Refused(Leases):
    """Redis is away for one call."""

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.missed = anyio.Event()

    async def finish(self, finishes: Sequence[Finish]) -> list[FinishCode]:
        if self.missed.is_set():
            return await super().finish(finishes)
        self.missed.set()
        raise BrokerUnavailable("redis is away")


async def test_a_redis_that_is_back_is_told_the_ends_at_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds claims for two beats only."""
    monkeypatch.setattr("rq_agent.worker.finisher._RETRY_S", 3_600)
    claim = await steps.running(lab.namespace)
    leases = Refused(lab.namespace)
    finisher = Finisher(leases)
    async with anyio.create_task_group() as tg:
        tg.start_soon(finisher.run)
        tg.start_soon(finisher.deliver, end_of(claim))
        await leases.missed.wait()
        await anyio.lowlevel.checkpoint()

        finisher.replay()

        with anyio.fail_after(10):
            while finisher.waiting:
                await anyio.lowlevel.checkpoint()
        tg.cancel_scope.cancel()
    assert await steps.state(lab.namespace, claim.task_id) == "succeeded"


class Ended(msgspec.Struct, frozen=True):
    """A run, as far as it is needed to tell its end again."""

    held: Held
    folder: Path
    shipping: Shipping

    def say(self, line: str) -> None:
        self.shipping.say(line)

    def tell_again(self) -> None:
        self.shipping.doubt()


async def test_who_waits_for_what_is_told_again_finds_it_told(lab: Lab, tmp_path: Path) -> None:
    claim = await steps.running(lab.namespace)
    (tmp_path / "out").write_text("said\n")
    leases, logs = Leases(lab.namespace), Logs(lab.namespace)
    run = Ended(Held(claim, ()), tmp_path, Shipping(claim, tmp_path, logs, leases))
    retelling = Retelling(Finisher(leases), recreations(lab, leases), Outage())
    async with anyio.create_task_group() as tg:
        tg.start_soon(retelling.run)
        await retelling.told()  # there is nothing yet
        retelling.heard(run, end_of(claim), FinishCode.APPLIED, is_recent=True)
        await retelling.told()
        said, _ = await logs.read(claim.task_id, claim.fence)
        tg.cancel_scope.cancel()

    assert [entry.data for entry in said] == [b"said\n"]


@pytest.mark.parametrize("claimed_of", ["another", "this"])
async def test_a_record_that_another_loop_made_anew_a_moment_ago_is_there(
    lab: Lab, tmp_path: Path, claimed_of: str
) -> None:
    """Else the end of the task would not be told, and it would run once more."""
    task_id = await lab.submit("print('never run')")
    claim = await steps.running(lab.namespace)
    leases, logs, signals = Leases(lab.namespace), Logs(lab.namespace), Signals()
    signals.redis_greeted("this", "birth")
    held = Held(claim, ())
    held.servers = claimed_of, "birth"
    held.known = Known(
        namespace=lab.namespace.name,
        servers=signals.servers,
        claim=claim,
        need=Need(),
        definition=await definition_of(lab, task_id),
    )
    run = Ended(held, tmp_path, Shipping(claim, tmp_path, logs, leases))

    made = await recreations(lab, leases, signals).make(run)

    assert made == (claimed_of == "another")


def recreations(lab: Lab, leases: Leases, signals: Signals | None = None) -> Recreations:
    config = WorkerConfig(name="w1", order=parse("priority", ("q",)), home=lab.home)
    blobs = Blobs(lab.namespace)
    snapshots = Snapshots(blobs, lab.home.cache / "snapshots")
    return Recreations(config, signals or Signals(), leases, blobs, snapshots)


@pytest.mark.parametrize(("is_recent", "made"), [(True, 1), (False, 0)])
async def test_the_record_of_an_end_is_made_anew_if_it_was_told_just_before(
    lab: Lab, tmp_path: Path, *, is_recent: bool, made: int
) -> None:
    """Later somebody may have removed it on purpose."""
    task_id = await lab.submit("print('never run')")
    claim = await steps.running(lab.namespace)
    leases, logs = Leases(lab.namespace), Logs(lab.namespace)
    held = Held(claim, ())
    held.known = Known(
        namespace=lab.namespace.name,
        servers=("another", ""),
        claim=claim,
        need=Need(),
        definition=await definition_of(lab, task_id),
    )
    await roll_back(lab, {})
    run = Ended(held, tmp_path, Shipping(claim, tmp_path, logs, leases))
    finisher = Finisher(leases)
    retelling = Retelling(finisher, recreations(lab, leases), Outage())
    async with anyio.create_task_group() as tg:
        tg.start_soon(retelling.run)
        tg.start_soon(finisher.run)
        retelling.heard(run, end_of(claim), FinishCode.GONE, is_recent)
        await retelling.told()
        tg.cancel_scope.cancel()

    assert await lab.namespace.redis.exists(keys.task(lab.namespace.prefix, claim.task_id)) == made


async def test_ends_of_light_tasks_are_told_together_and_the_newest_are_kept(
    lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.finisher._MOST_LIGHT", 2)
    claims = [await steps.running(lab.namespace) for _ in range(3)]
    told: list[Sequence[tuple[Finish, FinishCode]]] = []
    heard = anyio.Event()

    def hear(these: Sequence[tuple[Finish, FinishCode]]) -> None:
        told.append(these)
        heard.set()

    async with delivering(lab, clock) as (finisher, _):
        finisher.hand_in([end_of(claim) for claim in claims], hear)
        with anyio.fail_after(10):
            await heard.wait()
        finisher.replay()
        again = finisher.waiting
        with anyio.fail_after(10):
            await finisher.replayed()

    assert [code for _, code in told[0]] == [FinishCode.APPLIED] * 3
    assert (len(told), again) == (1, 2)


async def test_large_results_of_light_tasks_are_not_kept_for_long(
    lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.finisher._MOST_LIGHT_BYTES", 10)
    claims = [await steps.running(lab.namespace) for _ in range(3)]
    heard = anyio.Event()
    async with delivering(lab, clock) as (finisher, _):
        finishes = [msgspec.structs.replace(end_of(claim), result=b"12345678") for claim in claims]
        finisher.hand_in(finishes, lambda told: heard.set())
        with anyio.fail_after(10):
            await heard.wait()
        finisher.replay()

        assert finisher.waiting == 1


async def test_large_results_are_told_a_few_at_a_time(
    lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.finisher._BATCH_BYTES", 10)
    claims = [await steps.running(lab.namespace) for _ in range(5)]
    told: list[int] = []
    all_told = anyio.Event()

    def hear(some: Sequence[tuple[Finish, FinishCode]]) -> None:
        told.append(len(some))
        if sum(told) == len(claims):
            all_told.set()

    async with delivering(lab, clock) as (finisher, _):
        finishes = [msgspec.structs.replace(end_of(claim), result=b"12345678") for claim in claims]
        finisher.hand_in(finishes, hear)
        with anyio.fail_after(10):
            await all_told.wait()

    assert told == [2, 2, 1]
