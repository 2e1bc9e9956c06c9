"""Ends calls that do not end by themselves: cancel, cancel again, close.

A coroutine may take its whole grace to tidy up: it is cancelled once more when half of it is
over, and then each second; at its end it is closed (GeneratorExit). The same for tasks that a
call leaves behind: as with `asyncio.run`, they end with it.
"""

from __future__ import annotations

import asyncio

from .lines import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .call import Call
    from .reports import Reports
    from .router import Outputs
    from .running import Running

_AGAIN_S = 1.0


class Stops:
    """Stops calls of one host."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        running: Running,
        reports: Reports,
        outputs: Outputs,
    ) -> None:
        self._loop = loop
        self._running = running
        self._reports = reports
        self._outputs = outputs
        running.main_ended = self._leftovers

    def time_out(self, call: Call) -> None:
        """Its time is over."""
        self.stop(call, "timed out", call.grace_s)

    def stop(self, call: Call, cause: str, grace_s: float) -> None:
        """Cancel a call; the first cause counts, and the shortest grace."""
        if call.has_ended:
            return
        stop_at = self._loop.time() + grace_s
        is_ending = call.task is not None and call.task.done()
        if is_ending and not call.children:
            return
        if call.cause or is_ending:
            call.stop_at = min(call.stop_at, stop_at)
            self._again(call, min(_AGAIN_S, grace_s))
            return
        call.cause, call.stop_at = cause, stop_at
        if call.task is None:
            self._running.stop_unbegun(call)
            return
        call.task.cancel()
        self._again(call, grace_s / 2)

    def _again(self, call: Call, delay_s: float) -> None:
        if call.timer is not None:
            call.timer.cancel()
        call.timer = self._loop.call_later(delay_s, self._press, call)

    def _press(self, call: Call) -> None:
        """The call lives on: cancel what is left of it again, or close it."""
        if call.has_ended:
            return
        left_s = call.stop_at - self._loop.time()
        alive = _alive(call)
        if left_s > 0.001:
            for task in alive:
                task.cancel()
            self._again(call, min(_AGAIN_S, left_s))
            return
        refusing = [task for task in alive if not self._close(call, task)]
        if call.task in refusing:
            self._refuse(call)
            return
        self._running.finish(call)
        if refusing:
            self._refuse(call)

    def _close(self, call: Call, task: asyncio.Task[Any]) -> bool:
        """True if its coroutine can't run any more."""
        coroutine: Any = task.get_coro()
        try:
            coroutine.close()
        except BaseException as e:  # noqa: BLE001  any code of the user
            if getattr(coroutine, "cr_frame", None) is not None:
                return False  # it ignored GeneratorExit
            text = f"rq-agent: closing it raised {type(e).__name__}: {e}\n"
            self._outputs.of(call, "err").write(text)
        quiet: Any = task
        quiet._log_destroy_pending = False  # what it waits for may never come
        task.add_done_callback(_forget)
        task.cancel()
        return True

    def _refuse(self, call: Call) -> None:
        reason = "it goes on although it was cancelled and closed"
        self._reports.say(line("refused", call.key, reason))

    def _leftovers(self, call: Call) -> None:
        """Its coroutine has ended, tasks that it started have not: end them, then the call."""
        children = [child for child in _alive(call) if child is not call.task]
        if not children:
            self._running.finish(call)
            return
        count = len(children)
        if not call.cause:
            were = "task that it started was" if count == 1 else "tasks that it started were"
            text = f"rq-agent: {count} {were} still running, and ended with it\n"
            self._outputs.of(call, "err").write(text)
            call.stop_at = self._loop.time() + call.grace_s
        for child in children:
            child.cancel()
            child.add_done_callback(lambda _: self._child_ended(call))
        self._again(call, max(0.0, call.stop_at - self._loop.time()) / 2)

    def _child_ended(self, call: Call) -> None:
        if not call.children:
            self._running.finish(call)


def _forget(task: asyncio.Task[Any]) -> None:
    """A closed coroutine that is woken raises RuntimeError: nobody's error."""
    if not task.cancelled():
        task.exception()


def _alive(call: Call) -> list[asyncio.Task[Any]]:
    tasks = [call.task, *(call.children or ())]
    return [task for task in tasks if task is not None and not task.done()]
