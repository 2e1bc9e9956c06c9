"""The queue against its model, on random lives of many tasks and workers."""

import asyncio
import os

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.asyncio import Redis

from tests.servers import Servers

from .machine import QueueMachine
from .rig import Rig

_STEPS = int(os.environ.get("MODEL_STEPS", "50"))
_LIVES = int(os.environ.get("MODEL_LIVES", "8"))


@pytest.mark.parametrize("number", range(int(os.environ.get("MODEL_SEEDS", "1"))))
def test_redis_does_what_the_model_says(number: int) -> None:
    with asyncio.Runner() as runner:
        redis = FakeAsyncRedis(server=FakeServer(server_type="redis", version=(7, 0)))
        machines: list[QueueMachine] = []

        @seed(number)
        def machine() -> QueueMachine:
            machines.append(QueueMachine(Rig(runner, redis, f"m{len(machines)}", allow_oom=False)))
            return machines[-1]

        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=_LIVES,
                stateful_step_count=_STEPS,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
            ),
        )
        runner.run(redis.aclose())
        print(sum(m.steps for m in machines), "steps")
