"""One call in a child process."""

from __future__ import annotations

import os
import signal
import time

from ..process import tree
from . import below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

_READ_BYTES = 1 << 20


class Forked:
    """A child, from its fork until its end was told."""

    __slots__ = ("_result", "call", "is_killed", "own_pages", "pid", "pipes", "status")

    def __init__(self, call: Call, pid: int, pipes: dict[str, int], result: int) -> None:
        """Own these descriptors from here on.

        Args:
            call: what it runs; its `started` is on the monotonic clock.
            pid: of the child, the leader of its session.
            pipes: `out` and `err`: where its output is read.
            result: a file in memory, where it leaves how it ended.
        """
        call.started = time.monotonic()
        self.call = call
        self.pid = pid
        self.pipes = pipes
        self.is_killed = False
        self.status: int | None = None
        """As `os.waitpid` gives it; None while it runs."""
        self.own_pages = 0
        """Memory that it does not share with the host, as last seen."""
        self._result = result

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its process group, and to it: it may not lead a group yet."""
        tree.signal_group(self.pid, number)
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Kill it with all below it. Only before its end is collected: the number is its own."""
        self.is_killed = True
        self.send(signal.SIGSTOP)  # so that it starts nothing more meanwhile
        below.kill(self.pid)
        tree.kill_group(self.pid)
        tree.kill([self.pid])

    def take_result(self) -> bytes:
        """Return what it left; empty if it came to its end in another way."""
        try:
            os.lseek(self._result, 0, os.SEEK_SET)
            parts = []
            while part := os.read(self._result, _READ_BYTES):
                parts.append(part)
        except OSError:
            return b""
        finally:
            os.close(self._result)
        return b"".join(parts)
