"""Random lives of many tasks and workers; what must hold in between, whatever came before."""

import random

import pytest

from rq_agent.broker.namespace import Namespace

from .fleet import Fleet
from .invariants import check_indices, check_nobody_sleeps

_STEPS = 250


@pytest.mark.parametrize("seed", [1, 2])
async def test_indices_agree_and_no_wake_up_is_lost(namespace: Namespace, seed: int) -> None:
    fleet = Fleet(namespace, random.Random(seed))

    await fleet.enqueue()
    for _ in range(_STEPS):
        step = await fleet.step()
        await check_indices(namespace, after=step)
        if step == "settle":
            await check_nobody_sleeps(namespace, fleet)
    assert fleet.completed <= fleet.added
