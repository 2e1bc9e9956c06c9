"""Where a client may be used: in the process and on the event loop that it was opened on."""

import asyncio
import os
from typing import Final

_NOT_OPEN: Final = "the client is not open: use it within `async with rq_agent.Client() as client:`"
FORKED: Final = (
    "the client was opened before this process was forked, and connections can't be shared:"
    " open one in each process"
)
_OTHER_LOOP: Final = (
    "the client was opened on another event loop: open one on each loop, or use rq_agent.SyncClient"
    " from threads"
)


class Here:
    """The process and the loop that something was opened on."""

    def __init__(self) -> None:
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_open(self) -> bool:
        """Return whether it is open, here or elsewhere."""
        return self._loop is not None

    def open(self) -> None:
        """Remember where we are."""
        self._pid, self._loop = os.getpid(), asyncio.get_running_loop()

    def close(self) -> None:
        """It is open nowhere."""
        self._loop = None

    def check(self) -> None:
        """Raise RuntimeError unless we are where it was opened."""
        if self._loop is None:
            raise RuntimeError(_NOT_OPEN)
        if self._pid != os.getpid():
            raise RuntimeError(FORKED)
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError(_OTHER_LOOP)
