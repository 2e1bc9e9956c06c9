"""Phases are told without making the task wait, and only those that somebody could read."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from rq_agent.broker.claims import FinishCode
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.states import Phase
from rq_agent.worker.phases import Phases


class FakeLeases:
    """Notes what it is told; is away as often as `misses` says."""

    def __init__(self, misses: int = 0) -> None:
        self.told: list[Phase] = []
        self.heard = anyio.Event()
        self._misses = misses

    async def phase(self, claim: object, phase: Phase) -> FinishCode:
        if self._misses:
            self._misses -= 1
            raise BrokerUnavailable("away")
        self.told.append(phase)
        self.heard.set()
        return FinishCode.APPLIED


class FakeClaim:
    task_id = "t1"


def phases_of(leases: Any) -> Phases:
    claim: Any = FakeClaim()
    return Phases(claim, leases)


@pytest.mark.parametrize("misses", [0, 1])
async def test_phases_that_are_over_at_once_are_left_out(misses: int) -> None:
    leases = FakeLeases(misses)
    phases = phases_of(leases)

    async with anyio.create_task_group() as group:
        group.start_soon(phases.run)
        for phase in (Phase.SNAPSHOT, Phase.ENVIRONMENT, Phase.STARTING, Phase.RUNNING):
            phases.enter(phase)
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(5):
            await leases.heard.wait()
        group.cancel_scope.cancel()

    assert leases.told == [Phase.RUNNING]


async def test_a_phase_is_told_again_when_that_is_asked_for() -> None:
    leases = FakeLeases()
    phases = phases_of(leases)

    async with anyio.create_task_group() as group:
        group.start_soon(phases.run)
        phases.enter(Phase.RUNNING)
        with anyio.fail_after(5):
            await leases.heard.wait()
            leases.heard = anyio.Event()
            phases.tell_again()
            await leases.heard.wait()
        group.cancel_scope.cancel()

    assert leases.told == [Phase.RUNNING, Phase.RUNNING]
