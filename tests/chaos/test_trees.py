"""Programs of all shapes, ended in all ways, at random: none of their processes outlives them."""

import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from rq_agent.worker.process import cgroup_place
from rq_agent.worker.process import stop as stopping
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import wait
from tests.tree_shapes import SHAPES, Size, living, standing, survivors

from .figures import note, percentile
from .sizes import pick

ROUNDS: Final = pick(short=10, long=150)
SIZE: Final = Size(crowd=pick(short=50, long=1000), depth=5)
SETTLE_S: Final = 5.0
"""Where the shim itself was killed, its launcher ends the rest soon after."""


async def cancel(handle: Handle) -> None:
    await stop(handle, grace_s=0)


async def ask_first(handle: Handle) -> None:
    await stop(handle, grace_s=0.05)


async def kill_the_program(handle: Handle) -> None:
    for child in psutil.Process(handle.pid).children():  # and of what it took over
        with suppress(psutil.NoSuchProcess):
            child.kill()


async def kill_the_shim(handle: Handle) -> None:
    os.kill(handle.pid, signal.SIGKILL)


async def hang_the_shim(handle: Handle) -> None:
    os.kill(handle.pid, signal.SIGSTOP)
    await stop(handle, grace_s=0)


def is_group_left(handle: Handle) -> bool:
    return bool(handle.cgroup) and os.path.exists(handle.cgroup)


ENDS: Final[Mapping[str, Callable[[Handle], Awaitable[None]]]] = {
    "cancel": cancel,
    "grace": ask_first,
    "program killed": kill_the_program,
    "shim killed": kill_the_shim,
    "shim stopped": hang_the_shim,
}


@pytest.mark.timeout(600)
async def test_nothing_outlives_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "SHIM_PATIENCE_S", 0.1)
    seed = random.SystemRandom().randrange(10**6)
    dice, processes, left = random.Random(seed), 0, 0
    times_s: list[float] = []
    groups = cgroup_place.find()
    async with Launcher(groups="") as plain, Launcher(groups=groups) as grouped:
        for number in range(ROUNDS):
            shape, end = dice.choice(list(SHAPES)), dice.choice(list(ENDS))
            launcher = dice.choice([plain, grouped])
            folder = tmp_path / str(number)
            folder.mkdir()
            handle, mark = await standing(launcher, folder, shape, SIZE)
            processes += len(living(mark))
            began_s = time.monotonic()

            await ENDS[end](handle)
            await wait(handle)

            took_s = time.monotonic() - began_s
            within_s = SETTLE_S if end.startswith("shim") else 0
            alive = await survivors(mark, within_s=within_s)
            assert alive == set(), f"seed {seed}, round {number}: {shape}, {end}"
            assert not is_group_left(handle)
            left += len(alive)
            times_s.append(took_s)
    note(
        "process trees",
        rounds=ROUNDS,
        processes=processes,
        survivors=left,
        groups=str(bool(groups)),
        end_p99_s=percentile(times_s, 99),
    )
