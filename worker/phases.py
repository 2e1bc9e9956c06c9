"""Tells Redis in which phase a task is, without making the task wait."""

import logging

import anyio

from ..broker.claims import Claim, FinishCode
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.states import Phase

log = logging.getLogger(__name__)


class Phases:
    """Only the newest phase counts: one that ends before it could be told is left out."""

    def __init__(self, claim: Claim, leases: Leases) -> None:
        self._claim = claim
        self._leases = leases
        self._phase: Phase | None = None
        self._entered = anyio.Event()

    def enter(self, phase: Phase) -> None:
        """Note that a phase begins."""
        self._phase = phase
        self._entered.set()

    async def run(self) -> None:
        """Tell phases forever."""
        while True:
            await self._entered.wait()
            self._entered = anyio.Event()
            if self._phase is not None:
                await self._tell(self._phase)

    async def _tell(self, phase: Phase) -> None:
        try:
            code = await self._leases.phase(self._claim, phase)
        except BrokerUnavailable as e:
            log.warning("task %s: phase %s not told: %s", self._claim.task_id, phase, e)
            return
        if code in (FinishCode.FENCED, FinishCode.GONE):
            log.info("task %s: claim not known; a beat says what became of it", self._claim.task_id)
