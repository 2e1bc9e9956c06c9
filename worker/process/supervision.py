"""Watches one child until it and everything below it is gone."""

import json
import os
import resource
import select
import signal
import time

from . import signals
from .memory import MemoryWatch, machine_kills

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .deadline import Deadline
    from .started import Started

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
    """One program from its start to the end of all that it started."""

    def __init__(
        self,
        wakeup: Wakeup,
        started: "Started",
        deadline: "Deadline",
        *,
        grace_s: float,
        mem_limit_mib: float,
    ) -> None:
        self._wakeup = wakeup
        self._started = started
        self._deadline = deadline
        self._grace_s = grace_s
        self._mem_limit_mib = mem_limit_mib
        unwatched = started.limits_memory  # the kernel does it
        self._memory = MemoryWatch(0.0 if unwatched else mem_limit_mib, started.members)
        self._machine_kills = machine_kills()
        self._status: int | None = None
        self._kill_at: float | None = None
        self._is_killing = False
        self._stopped_by: str | None = None
        self._is_oom = False

    def run(self) -> dict[str, object]:
        """Return the fields of the exit file that tell how the program ended."""
        while self._reap() and self._status is None:
            self._wakeup.wait(self._left_s())
            if self._wakeup.stop_asked:
                self._wakeup.stop_asked = False
                self._begin_stop()
            self._look()
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
            if pid == self._started.pid:
                self._status = status

    def _left_s(self) -> float | None:
        """Return how long nothing is to be done unless a signal comes; None: for ever."""
        kill_s = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
        if self._is_killing:
            return kill_s
        times = (kill_s, self._deadline.left_s(), self._memory.left_s())
        return min((each for each in times if each is not None), default=None)

    def _look(self) -> None:
        """Kill, if it is time."""
        is_due = self._kill_at is not None and time.monotonic() >= self._kill_at
        if self._is_killing:
            if is_due:
                self._kill_all()
        elif is_due:
            self._stopped_by = "kill"
            self._kill_all()
        elif self._deadline.left_s() == 0:
            self._stopped_by = "deadline"
            self._kill_all()
        elif self._memory.is_over():
            self._is_oom = True
            self._kill_all()

    def _begin_stop(self) -> None:
        kill_at = time.monotonic() + _asked_grace_s(self._grace_s)
        first = self._kill_at is None
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)
        if first and self._kill_at > time.monotonic():
            self._stopped_by = "term"
            self._started.ask_to_end()

    def _kill_all(self) -> None:
        self._is_killing = True
        self._kill_at = time.monotonic() + _RESCAN_S
        self._started.kill_program()
        self._started.kill()

    def _kill_rest(self) -> int:
        """Kill what the program left; return how many processes that were.

        What is killed hands its children to this process, and so tells that there are more.
        """
        killed: set[int] = set()
        give_up = time.monotonic() + _PATIENCE_S
        next_scan = 0.0
        while (self._reap() or self._started.is_populated()) and time.monotonic() < give_up:
            if time.monotonic() >= next_scan:
                killed |= self._started.kill()
                next_scan = time.monotonic() + _RESCAN_S
            killed |= self._started.kill_orphans()
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
            **self._memory_ending(by_signal and os.WTERMSIG(status) == signal.SIGKILL),
        }

    def _memory_ending(self, is_killed: bool) -> dict[str, object]:
        if self._is_oom or self._started.ran_into_its_limit():
            return {"oom": True, "mem_limit_mib": self._mem_limit_mib}
        by_others = is_killed and self._stopped_by is None
        return {"machine_oom": by_others and machine_kills() > self._machine_kills}


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
