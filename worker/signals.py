"""What the loops of one worker tell each other."""

import logging

import anyio

log = logging.getLogger(__name__)


ASKED = "asked by `worker drain`"
ASKED_TO_STOP = "asked by `worker stop`"


class Signals:
    """News for whoever rests, and whether this worker still claims."""

    def __init__(self) -> None:
        self.heard = 0
        """Counts news, so that none is missed between looking and waiting."""
        self.draining = ""
        """Why the worker claims no more; empty while it does."""
        self.restarts = 0
        """How often another Redis process answered than before."""
        self.profile = ""
        """The profile under which the worker is parked; empty while it is not."""
        self._event = anyio.Event()

    def notify(self) -> None:
        """Wake whoever rests: a task came, ended, or may be claimed."""
        self.heard += 1
        self._event.set()
        self._event = anyio.Event()

    async def news(self, *, since: int) -> None:
        """Wait until notify() was called after `heard` was `since`."""
        if self.heard == since:
            await self._event.wait()

    def drain(self, why: str) -> None:
        """Claim no more; the worker stops when its tasks have ended."""
        if not self.draining:
            log.info("draining: %s", why)
            self.draining = why
        self.notify()

    def undrain(self) -> None:
        """Claim again, if it was only asked to by `worker drain`: a signal or an idle time-out
        means this process, and nobody far away takes that back.
        """
        if self.draining == ASKED:
            self.draining = ""
            self.notify()

    def redis_restarted(self) -> None:
        """Note that another Redis process answers than before."""
        self.restarts += 1
        self.notify()
