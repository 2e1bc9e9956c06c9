"""Tells a Redis that restarted what it may have lost: it may have come back older."""

import logging

from .finisher import Finisher
from .held import HeldTasks
from .signals import Signals

log = logging.getLogger(__name__)


class Replaying:
    """One per worker."""

    def __init__(self, tasks: HeldTasks, signals: Signals, finisher: Finisher) -> None:
        self._tasks = tasks
        self._signals = signals
        self._finisher = finisher

    async def run(self) -> None:
        """Tell it after each restart, forever."""
        while True:
            heard = self._signals.heard
            await self.replay()
            await self._signals.news(since=heard)

    async def replay(self) -> None:
        """Tell it now, if it restarted since the last time."""
        if self._signals.is_replayed:
            return
        restarts = self._signals.restarts
        log.warning("redis restarted; the ends of the last minute are told again")
        self._finisher.replay()
        for held in self._tasks:
            held.tell_again()
        await self._finisher.replayed()
        self._signals.replayed = restarts
        self._signals.notify()  # nothing is claimed while too many ends wait to be told
