"""Watches one child until it and everything below it is gone."""

import json
import os
import resource
import select
import signal
import time

from . import signals, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STOP_NAME = "stop.jsonl"
"""One line per stop() of a worker; appended, so that two at once lose nothing."""
_PATIENCE_S = 5.0
"""How long killed processes get to disappear; one that hangs in a driver may never."""
_RESCAN_S = 0.05


class Wakeup:
    """Turns SIGTERM and SIGCHLD into something that select() sees.

    It is made with both signals blocked or not yet expected, and then never lets one slip.
    """

    def __init__(self) -> None:
        self.stop_asked = False
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signals.handle(signals.CHLD, lambda number, frame: None)
        signals.handle(signals.TERM, self._ask_stop)
        signals.ignore(signals.IGNORED)

    def wait(self, timeout_s: float | None) -> None:
        """Return at the next signal or after the timeout."""
        if select.select([self._read], [], [], timeout_s)[0]:
            os.read(self._read, 4096)

    def _ask_stop(self, number: int, frame: object) -> None:
        self.stop_asked = True


class Supervision:
    """One child from its start to the end of its tree."""

    def __init__(self, wakeup: Wakeup, pid: int, *, grace_s: float) -> None:
        self._wakeup = wakeup
        self._child = pid
        self._grace_s = grace_s
        self._status: int | None = None
        self._kill_at: float | None = None
        self._stopped_by: str | None = None

    def run(self) -> dict[str, object]:
        """Return the fields of the exit file that tell how the child ended."""
        while self._reap() and self._status is None:
            self._wakeup.wait(self._left_s())
            if self._wakeup.stop_asked:
                self._wakeup.stop_asked = False
                self._begin_stop()
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._kill_all()
        ended_at = time.time()
        leftovers = self._kill_rest()
        return {"ended_at": ended_at, "leftovers": leftovers, **self._ending(), **_usage()}

    def _reap(self) -> bool:
        """Return whether any child is left, the adopted ones included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._child:
                self._status = status

    def _left_s(self) -> float | None:
        return None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())

    def _begin_stop(self) -> None:
        kill_at = time.monotonic() + _asked_grace_s(self._grace_s)
        first = self._kill_at is None
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)
        if first and self._kill_at > time.monotonic():
            self._stopped_by = "term"
            # A stopped process would sleep through its grace.
            tree.signal_group(self._child, signal.SIGTERM, signal.SIGCONT)

    def _kill_all(self) -> None:
        self._stopped_by = "kill"
        self._kill_at = time.monotonic() + _RESCAN_S
        tree.kill_group(self._child)
        tree.kill(tree.descendants(os.getpid()))

    def _kill_rest(self) -> int:
        killed: set[int] = set()
        give_up = time.monotonic() + _PATIENCE_S
        while self._reap() and time.monotonic() < give_up:
            found = tree.descendants(os.getpid())
            tree.kill(found)
            killed.update(found)
            self._wakeup.wait(_RESCAN_S)
        return len(killed)

    def _ending(self) -> dict[str, object]:
        status = self._status
        if status is None:
            return {"error": "the program was lost: something else collected its exit status"}
        by_signal = os.WIFSIGNALED(status)
        return {
            "code": None if by_signal else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if by_signal else None,
            "core": by_signal and os.WCOREDUMP(status),
            "stopped_by": self._stopped_by,
        }


def _asked_grace_s(otherwise: float) -> float:
    """Return the shortest grace that was asked for; a full disk may have kept it from the file."""
    try:
        with open(STOP_NAME, "rb") as f:
            lines = f.read().splitlines()
    except OSError:
        return otherwise
    return min((grace for line in lines for grace in _grace_s(line)), default=otherwise)


def _grace_s(line: bytes) -> list[float]:
    try:
        asked: dict[str, Any] = json.loads(line)
        return [max(0.0, float(asked["grace_s"]))]
    except (ValueError, KeyError, TypeError):
        return []  # cut by a full disk


def _usage() -> dict[str, object]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "max_rss_kib": used.ru_maxrss,
        "cpu_s": round(used.ru_utime + used.ru_stime, 3),
    }
