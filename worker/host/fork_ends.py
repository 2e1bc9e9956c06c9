"""Collects the children of a host that ended, kills what they left, and says how they ended."""

from __future__ import annotations

import os
import time

from . import strays
from .endings import shortened
from .fork_endings import ending_of
from .lines import done_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .call import Call
    from .fork_outputs import ForkOutputs
    from .forked import Forked
    from .reports import Reports

_PATIENCE_S = 5.0
"""How long killed processes get to disappear; one that hangs in a driver may never."""
_RESCAN_S = 0.05


class ForkEnds:
    """From the end of a child to the `done` of its call."""

    def __init__(self, running: dict[str, Forked], outputs: ForkOutputs, reports: Reports) -> None:
        """`running` by key; calls leave it when their ends were said."""
        self._running = running
        self._outputs = outputs
        self._reports = reports
        self._by_pid: dict[int, Forked] = {}
        self._ended: list[Forked] = []
        self._done: list[tuple[Any, ...]] = []
        self._unkillable: set[int] = set()
        self._give_up_at = self._scan_at = 0.0

    def began(self, child: Forked) -> None:
        """Wait for its end."""
        self._by_pid[child.pid] = child

    def collect(self) -> None:
        """Take the exit statuses of all that ended, adopted ones too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._unkillable.discard(pid)
            child = self._by_pid.pop(pid, None)
            if child is not None:
                child.status = status
                if not self._ended:
                    now = time.monotonic()
                    self._give_up_at, self._scan_at = now + _PATIENCE_S, now + _RESCAN_S
                self._ended.append(child)

    def look(self) -> None:
        """Say the ends of calls of which nothing is left."""
        if self._ended and not self._kill_strays():
            ended, self._ended = self._ended, []
            for child in ended:
                self._finish(child)
        if self._done:
            done, self._done = self._done, []
            self._reports.say(done_lines(done))

    def wait_s(self) -> float | None:
        """How long until `look` is to be called although nothing happens; None: it need not be."""
        return _RESCAN_S if self._ended else None

    def never_began(self, call: Call, outcome: str, reason: str) -> None:
        """Say the end of a call that has no child."""
        entry = call.key, outcome, None, shortened(reason), None, call.note, 0
        self._done.append(entry)

    def _kill_strays(self) -> bool:
        """True if something is left of calls that have ended."""
        left = [pid for pid in strays.found(self._by_pid) if pid not in self._unkillable]
        if not left:
            return False
        now = time.monotonic()
        if now >= self._give_up_at:
            self._unkillable.update(left)
            return False
        strays.kill(left)
        if now >= self._scan_at:
            strays.kill_trees(left)
            self._scan_at = time.monotonic() + _RESCAN_S
        return True

    def _finish(self, child: Forked) -> None:
        call = child.call
        self._outputs.close(child)
        left = child.take_result()
        assert child.status is not None
        outcome, code, reason, result = ending_of(
            child.status, left, cause=call.cause, timeout_s=call.timeout_s
        )
        lasted_ms = int((time.monotonic() - call.started) * 1000)
        entry = call.key, outcome, code, shortened(reason), result, call.note, lasted_ms
        self._done.append(entry)
        del self._running[call.key]
