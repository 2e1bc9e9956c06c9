"""The queue against its model, on random lives of many tasks and workers.

`make test` runs a few lives, `make model` 50 000 operations of each of 20 seeds.
"""

import asyncio
import os
import sys
import time
from contextlib import closing
from typing import Final

import pytest
from fakeredis import FakeAsyncRedis, FakeRedis, FakeServer
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tests.servers import Servers

from .base import Server
from .machine import QueueMachine
from .rig import Rig

_SERVERS: Final = os.environ.get("MODEL_SERVERS", "fakeredis redis").split()
_SEEDS: Final = range(
    int(os.environ.get("MODEL_FIRST_SEED", "0")),
    int(os.environ.get("MODEL_FIRST_SEED", "0")) + int(os.environ.get("MODEL_SEEDS", "1")),
)
_STEPS: Final = int(os.environ.get("MODEL_STEPS", "100"))
_LIVES: Final = int(os.environ.get("MODEL_LIVES", "8"))
_CHECK_EVERY: Final = int(os.environ.get("MODEL_CHECK_EVERY", "1"))
_PHASES: Final = (
    (Phase.generate,) if os.environ.get("MODEL_SHRINK") == "0" else (Phase.generate, Phase.shrink)
)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("number", _SEEDS)
@pytest.mark.parametrize("kind", _SERVERS)
def test_redis_does_what_the_model_says(
    servers: Servers, kind: str, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.perf_counter()
    machines: list[QueueMachine] = []
    with asyncio.Runner() as runner, closing(_connect(servers, kind, runner)) as server:

        @seed(number)
        def machine() -> QueueMachine:
            rig = Rig(server, f"model{os.getpid()}x{len(machines)}")
            machines.append(QueueMachine(rig, check_every=_CHECK_EVERY))
            return machines[-1]

        run_state_machine_as_test(machine, settings=_settings())  # type: ignore[arg-type]
    steps = sum(machine.steps for machine in machines)
    calls = sum(machine.rig.calls for machine in machines)
    told = f"{kind}, seed {number}: {steps} operations, {calls} calls"
    with capsys.disabled():
        sys.stdout.write(f"\n{told}, {time.perf_counter() - began:.1f} s ")


def _settings() -> settings:
    return settings(
        max_examples=_LIVES,
        stateful_step_count=_STEPS,
        database=None,
        deadline=None,
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def _connect(servers: Servers, kind: str, runner: asyncio.Runner) -> Server:
    if kind == "fakeredis":
        fake = FakeServer(server_type="redis", version=(7, 0))
        return Server(runner, FakeAsyncRedis(server=fake), FakeRedis(server=fake), False)
    path = str(servers.socket(kind))
    knows_flags = kind != "redis62"
    return Server(
        runner, AsyncRedis(unix_socket_path=path), Redis(unix_socket_path=path), knows_flags
    )
