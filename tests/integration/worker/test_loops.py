"""Single loops of a worker against a real server."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Claimed
from rq_agent.broker.home import below
from rq_agent.broker.leases import Leases
from rq_agent.broker.needs import shape_id
from rq_agent.broker.orders import Profile, parse
from rq_agent.broker.shapes import Shapes
from rq_agent.worker.capacity import Capacity
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.endings import StopCause
from rq_agent.worker.heartbeat import LOOK_GAP_S, Heartbeat
from rq_agent.worker.held import Held, HeldTasks
from rq_agent.worker.intake import Intake
from rq_agent.worker.signals import Signals

from ...scripts import steps
from .lab import Lab

ORDER = parse("priority", ["q"])
PROFILE = Profile(order=ORDER, shapes=(shape_id(steps.CPU),)).id


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(name="w", order=ORDER, home=below(tmp_path))


def heartbeat(lab: Lab, config: WorkerConfig, signals: Signals, tasks: HeldTasks) -> Heartbeat:
    return Heartbeat(config, tasks, signals, Leases(lab.namespace), dict)


async def test_a_worker_that_redis_forgot_claims_again_and_so_parks(
    lab: Lab, config: WorkerConfig
) -> None:
    signals = Signals()
    loop = heartbeat(lab, config, signals, HeldTasks(signals.notify))
    assert (await steps.claim(lab.namespace, park=True)).parked
    signals.profile = PROFILE
    await loop.beat_once()
    heard = signals.heard
    await loop.beat_once()
    assert signals.heard == heard

    await lab.namespace.redis.delete(keys.idle(lab.namespace.prefix, PROFILE))
    await loop.beat_once()

    assert signals.heard == heard + 1


async def test_a_task_that_is_claimed_anew_is_not_taken_for_its_lost_claim(
    lab: Lab, config: WorkerConfig
) -> None:
    signals = Signals()
    tasks = HeldTasks(signals.notify)
    loop = heartbeat(lab, config, signals, tasks)
    old = Held(await steps.running(lab.namespace), ())
    tasks.add(old)
    await steps.lose(lab.namespace, old.claim.task_id)
    new = Held(await steps.claim_one(lab.namespace), ())

    tasks.add(new)
    await loop.beat_once()

    assert (old.cause, new.cause) == (StopCause.LOST, None)
    tasks.remove(old)
    assert list(tasks) == [new]


async def test_a_beat_that_was_on_its_way_tells_nothing_about_a_later_claim(
    lab: Lab, config: WorkerConfig
) -> None:
    signals = Signals()
    tasks = HeldTasks(signals.notify)
    old = Held(await steps.running(lab.namespace), ())
    tasks.add(old)
    await steps.lose(lab.namespace, old.claim.task_id)
    new = Held(await steps.claim_one(lab.namespace), ())

    def facts() -> dict[str, str]:
        tasks.add(new)  # while the beat of the old claim is being sent
        return {}

    await Heartbeat(config, tasks, signals, Leases(lab.namespace), facts).beat_once()

    assert (old.cause, new.cause) == (StopCause.LOST, None)


async def test_a_flood_of_hints_makes_few_beats(lab: Lab, config: WorkerConfig) -> None:
    signals = Signals()
    beats = 0

    def facts() -> dict[str, str]:
        nonlocal beats
        beats += 1
        signals.look()  # the next one is there before this one is answered
        return {}

    loop = Heartbeat(config, HeldTasks(signals.notify), signals, Leases(lab.namespace), facts)
    signals.look()
    with anyio.move_on_after(0.5):
        await loop.run()

    assert 2 <= beats <= 1 + 0.5 / LOOK_GAP_S


async def test_a_beat_that_failed_is_soon_tried_again(
    lab: Lab, config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.heartbeat.RETRY_S", 0.01)
    worker = keys.worker(lab.namespace.prefix, "w")
    await lab.namespace.redis.set(worker, "odd")
    signals = Signals()
    slow = msgspec.structs.replace(config, beat_ms=600_000)
    loop = heartbeat(lab, slow, signals, HeldTasks(signals.notify))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tg:
            tg.start_soon(loop.run)
            while not signals.outage.is_away:
                await anyio.lowlevel.checkpoint()
            await lab.namespace.redis.delete(worker)
            while not await lab.namespace.redis.hget(worker, "beat_ms"):
                await anyio.lowlevel.checkpoint()
            tg.cancel_scope.cancel()


async def test_looks_don_t_take_away_a_claim_whose_answer_is_on_its_way(
    lab: Lab, config: WorkerConfig
) -> None:
    signals = Signals()
    loop = heartbeat(lab, config, signals, HeldTasks(signals.notify))
    for _ in range(3):
        await loop.beat_once()
    held = await steps.running(lab.namespace)

    for _ in range(5):
        signals.look()
        await loop.look_once()

    assert await steps.state(lab.namespace, held.task_id) == "running"


async def test_a_fence_that_is_handed_out_again_waits_for_the_program_that_had_it(
    lab: Lab, config: WorkerConfig
) -> None:
    """Both would have one run folder, and one place in the books of GPUs."""
    signals = Signals()
    tasks = HeldTasks(signals.notify)
    old = Held(await steps.running(lab.namespace), ())
    task_id = old.claim.task_id
    await steps.forget_a_claim(lab.namespace, task_id)
    old.stop(StopCause.LOST)
    tasks.add(old)
    started: list[Held] = []
    intake = Intake(
        config,
        Capacity(slots=4, gpus=(), cpus=8, mem_mib=8_000),
        tasks,
        signals,
        Leases(lab.namespace),
        Shapes(lab.namespace),
        started.extend,
    )

    async with anyio.create_task_group() as tg:
        tg.start_soon(intake.run)
        with anyio.fail_after(30):
            while (await lab.record(task_id)).state != "running":
                await anyio.lowlevel.checkpoint()
        for _ in range(3):
            await heartbeat(lab, config, signals, tasks).beat_once()
        with anyio.fail_after(30):
            while not started:
                await anyio.lowlevel.checkpoint()
        tg.cancel_scope.cancel()

    assert [held.claim.fence for held in started] == [old.claim.fence + 1]


async def test_a_parked_worker_asks_for_nothing_when_a_task_of_its_own_ends(
    lab: Lab, config: WorkerConfig
) -> None:
    asked = 0

    class Counted(Leases):
        async def claim(self, *args: Any, **named: Any) -> Claimed:
            nonlocal asked
            asked += 1
            return await super().claim(*args, **named)

    signals = Signals()
    intake = Intake(
        config,
        Capacity(slots=4, gpus=(), cpus=8, mem_mib=8_000),
        HeldTasks(signals.moved),
        signals,
        Counted(lab.namespace),
        Shapes(lab.namespace),
        lambda taken: None,
    )
    async with anyio.create_task_group() as tg:
        tg.start_soon(intake.run)
        with anyio.fail_after(30):
            while not signals.profile:
                await anyio.lowlevel.checkpoint()
            before = asked
            for _ in range(10):
                signals.moved()
                await anyio.lowlevel.checkpoint()
            after = asked
            signals.notify()
            while asked == after:
                await anyio.lowlevel.checkpoint()
        tg.cancel_scope.cancel()

    assert after == before
