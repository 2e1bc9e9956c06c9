"""Tells Redis in which phase a task is, without making the task wait."""

import logging

import anyio

from ..broker.claims import Claim, FinishCode
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.states import Phase

log = logging.getLogger(__name__)

_RETRY_S = 0.5
_LONGEST_RETRY_S = 5.0
"""Between two tries. A Redis that came back older does not know the claim until a beat told it."""


_SHORTEST_S = 0.1
"""A phase that is over sooner need not be told: nobody could read it."""


class Phases:
    """Only the newest phase counts: one that ends before it could be told is left out."""

    def __init__(self, claim: Claim, leases: Leases) -> None:
        self._claim = claim
        self._leases = leases
        self._phase: Phase | None = None
        self._entered = anyio.Event()
        self._rest_s = _RETRY_S

    def enter(self, phase: Phase) -> None:
        """Note that a phase begins."""
        self._phase = phase
        self._entered.set()

    def tell_again(self) -> None:
        """Redis may have lost what it was told."""
        self._entered.set()

    async def run(self) -> None:
        """Tell phases forever; a missing Redis is waited for."""
        while True:
            await self._entered.wait()
            await anyio.sleep(_SHORTEST_S)
            self._entered = anyio.Event()
            if self._phase is not None:
                await self._tell(self._phase)

    async def _tell(self, phase: Phase) -> None:
        try:
            code = await self._leases.phase(self._claim, phase)
        except BrokerUnavailable as e:
            log.debug("task %s: phase %s not told: %s", self._claim.task_id, phase, e)
            await self._later()
            return
        if code in (FinishCode.FENCED, FinishCode.GONE):
            log.debug("task %s: claim not known; a beat tells of it", self._claim.task_id)
            await self._later()
        else:
            self._rest_s = _RETRY_S

    async def _later(self) -> None:
        """Tell the newest phase after a rest, or at once when another one begins."""
        with anyio.move_on_after(self._rest_s):
            await self._entered.wait()
        self._rest_s = min(2 * self._rest_s, _LONGEST_RETRY_S)
        self._entered.set()
