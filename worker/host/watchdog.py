"""A thread that looks after the loop: pulse, blocked turns, incomplete lines, a full disk."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import threading
import time

from . import stack
from .blocking import Blocking
from .lines import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .bell import Bell
    from .call import Call
    from .reports import Reports
    from .router import Outputs
    from .running import Running

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STEP_S = 0.1
_PULSE_S = 0.5
_STUCK_S = 1.0
"""So much longer than `lag_s` nothing of Python runs before the stacks are written."""


class Watchdog:
    """Looks each 0.1 s while calls run, and sleeps while none does."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        running: Running,
        reports: Reports,
        outputs: Outputs,
        bell: Bell,
        folder: str,
    ) -> None:
        self.lag_s = 2.0
        self.ticked: Callable[[], None] = lambda: None
        """Called in the loop each 0.1 s while calls run."""
        self._loop = loop
        self._running = running
        self._reports = reports
        self._outputs = outputs
        self._bell = bell
        self._thread_id = threading.get_ident()
        self._stuck = open(os.path.join(folder, "stuck"), "wb", buffering=0)  # noqa: SIM115
        # Opened now: a task may use up all descriptors, and the pulse must go on.
        self._memory = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._awake = threading.Event()
        self._turn = 0.0
        self._slowest_s = 0.0
        self._is_ticking = False
        self._blocking = Blocking()
        self._blocked: tuple[str, float, float] | None = None
        threading.Thread(target=self._look_forever, name="rq-agent watchdog", daemon=True).start()

    def wake(self) -> None:
        """Calls run from now on. In the thread of the loop."""
        if not self._is_ticking:
            self._is_ticking = True
            self._turn = time.monotonic()
            self._loop.call_later(_STEP_S, self._tick)
            self._awake.set()

    def _tick(self) -> None:
        now = time.monotonic()
        self.ticked()
        self._slowest_s = max(self._slowest_s, now - self._turn - _STEP_S)
        self._turn = now
        if self._running.calls:
            self._loop.call_later(_STEP_S, self._tick)
        else:
            self._is_ticking = False
            self._awake.clear()

    def _look_forever(self) -> None:
        pulse_at = 0.0
        while True:
            if not self._awake.is_set():
                faulthandler.cancel_dump_traceback_later()
                self._look(time.monotonic())
                self._outputs.flush_older(float("inf"))
                self._bell.settle()
                self._reports.try_again()
                self._awake.wait(_PULSE_S if self._reports.is_behind else None)
                continue
            now = time.monotonic()
            self._look(now)
            self._outputs.flush_older(now)
            self._bell.settle()
            if now >= pulse_at:
                pulse_at = now + _PULSE_S
                self._pulse(now)
            time.sleep(_STEP_S)

    def _look(self, now: float) -> None:
        turn = self._turn
        if self._blocked is not None:
            key, began, blocked_turn = self._blocked
            if turn == blocked_turn:
                return
            self._blocked = None
            self._reports.say(line("unblocked", key, round(turn - began, 3)))
        if now - turn < 2 * _STEP_S:
            self._blocking.look(now, turn, None, self.lag_s)
            return
        frames = stack.users_frames(self._thread_id)
        task = asyncio.current_task(self._loop)
        who: Any = (task or frames[0]) if frames else None
        blocked_s = self._blocking.look(now, turn, who, self.lag_s)
        if blocked_s:
            key = self._key_of(task)
            self._blocked = (key, turn, turn)
            text = stack.shown(frames)
            self._reports.say(line("blocked", key, round(now - turn, 3), text))

    def _key_of(self, task: asyncio.Task[Any] | None) -> str:
        """Whose task it is; "" if that is not known."""
        call = self._running.at
        if call is None and task is not None:
            call = next((one for one in self._calls() if _owns(one, task)), None)
        return call.key if call is not None else ""

    def _calls(self) -> list[Call]:
        while True:
            try:
                return list(self._running.calls.values())
            except RuntimeError:  # the loop has gone on
                continue

    def _pulse(self, now: float) -> None:
        self._reports.try_again()
        late_s = max(self._slowest_s, now - self._turn - _STEP_S, 0.0)
        self._slowest_s = 0.0
        calls = len(self._running.calls)
        self._reports.say(line("pulse", round(late_s * 1000), self._rss_bytes(), calls))
        if self._stuck.tell():
            self._stuck.truncate(0)  # it has gone on after all
            self._stuck.seek(0)
        faulthandler.dump_traceback_later(self.lag_s + _STUCK_S, file=self._stuck)

    def _rss_bytes(self) -> int:
        return int(os.pread(self._memory, 200, 0).split()[1]) * _PAGE_BYTES


def _owns(call: Call, task: asyncio.Task[Any]) -> bool:
    return call.task is task or (call.children is not None and task in call.children)
