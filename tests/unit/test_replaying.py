"""A worker whose ends of the last minute are told again claims as soon as they are."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec

from rq_agent.broker.home import below
from rq_agent.broker.orders import parse
from rq_agent.worker.capacity import Capacity
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.finisher import Finisher
from rq_agent.worker.held import HeldTasks
from rq_agent.worker.intake import Intake
from rq_agent.worker.replaying import Replaying
from rq_agent.worker.signals import Signals


def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(name="w", order=parse("priority", ["q"]), home=below(tmp_path))


async def test_who_waited_for_the_ends_to_be_told_is_told() -> None:
    signals = Signals()
    leases: Any = None
    replaying = Replaying(HeldTasks(signals.notify), signals, Finisher(leases))
    signals.restarts += 1
    heard = signals.heard

    await replaying.replay()

    assert signals.is_replayed
    assert signals.heard > heard


async def test_a_worker_that_is_behind_does_not_take_its_queues_for_empty(tmp_path: Path) -> None:
    signals = Signals()
    once = msgspec.structs.replace(config(tmp_path), once=True)
    capacity = Capacity(slots=1, gpus=(), cpus=1, mem_mib=1)
    tasks = HeldTasks(signals.notify)
    unused: Any = None
    intake = Intake(once, capacity, tasks, signals, unused, unused, unused, is_behind=lambda: True)

    async with anyio.create_task_group() as group:
        group.start_soon(intake.run)
        await anyio.wait_all_tasks_blocked()
        assert not signals.draining
        group.cancel_scope.cancel()
