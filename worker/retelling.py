"""Tells Redis again what it lost of attempts that have ended: their output, their records.

A Redis that comes back older may have lost the last second before it died. The finisher tells the
ends of the last minute again; this does the rest for those that were really lost.
"""

import logging
from collections import deque
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
        self._lost: deque[tuple[Ended, Finish, FinishCode]] = deque()
        self._is_lost = anyio.Event()
        self._told = anyio.Event()
        """Set, and replaced, when all is told."""

    def heard(self, run: Ended, finish: Finish, code: FinishCode, is_recent: bool) -> None:
        """Note what Redis said of an end that it had accepted before, when it was told again.

        A record that is gone was lost if `is_recent`, or where Redis came back with nothing;
        else somebody removed it.
        """
        is_gone = code is FinishCode.GONE and (is_recent or self._recreations.has_lost_all(run))
        if is_gone or code is FinishCode.APPLIED:
            self._lost.append((run, finish, code))
            self._is_lost.set()

    async def run(self) -> None:
        """Tell again what was lost, forever."""
        while True:
            await self._is_lost.wait()
            self._is_lost = anyio.Event()
            while self._lost:
                await self._tell(*self._lost[0])
                self._lost.popleft()
            self._told.set()
            self._told = anyio.Event()

    async def told(self) -> None:
        """Return when nothing waits to be told."""
        if self._lost:
            await self._told.wait()

    async def _tell(self, run: Ended, finish: Finish, code: FinishCode) -> None:
        if code is FinishCode.GONE and not await self._recreations.make(run):
            return
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
