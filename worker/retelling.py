"""Tells Redis again what it lost of attempts that have ended: their output, their records.

A Redis that comes back older may have lost the last second before it died. The finisher tells the
ends of the last minute again; this does the rest for those that were really lost.
"""

import logging
import math
from typing import Protocol

import anyio

from ..broker.claims import Finish, FinishCode
from ..broker.errors import BrokerUnavailable
from .finisher import Finisher
from .outage import Outage
from .recreation import Attempted, Recreations
from .shipping import Shipping

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class Ended(Attempted, Protocol):
    """An attempt that has ended: a Run."""

    @property
    def shipping(self) -> Shipping:
        """Of its output."""


class Retelling:
    """One per worker."""

    def __init__(self, finisher: Finisher, recreations: Recreations, outage: Outage) -> None:
        self._finisher = finisher
        self._recreations = recreations
        self._outage = outage
        self._send, self._lost = anyio.create_memory_object_stream[
            tuple[Ended, Finish, FinishCode]
        ](math.inf)

    def heard(self, run: Ended, finish: Finish, code: FinishCode) -> None:
        """Note what Redis said of an end that it had accepted before, when it was told again."""
        if code in (FinishCode.APPLIED, FinishCode.GONE):
            self._send.send_nowait((run, finish, code))

    async def run(self) -> None:
        """Tell again what was lost, forever."""
        async for run, finish, code in self._lost:
            if code is FinishCode.GONE and not await self._recreations.make(run, has_ended=True):
                continue
            run.shipping.doubt()
            await self._ship(run)
            if code is FinishCode.GONE:
                await self._finisher.deliver(finish)
            log.warning("task %s: redis had lost its end; told again", run.held.claim.task_id)

    async def _ship(self, run: Ended) -> None:
        while True:
            try:
                return await run.shipping.ship(final=True)
            except BrokerUnavailable as e:
                self._outage.missed(e)
            await anyio.sleep(_RETRY_S)
