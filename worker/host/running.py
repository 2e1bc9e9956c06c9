"""The calls of a coroutine host: how they begin, and what is said of their ends."""

from __future__ import annotations

import asyncio
import inspect
import os
from types import CoroutineType

from . import calling, exits
from .call import CURRENT, Call
from .commands import CAUSES
from .endings import exit_of, reason_of, shortened
from .lines import done_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .reports import Reports
    from .router import Outputs

_FLUSH_AT = 200


class Running:
    """All calls that have begun and not ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reports: Reports, outputs: Outputs) -> None:
        self._loop = loop
        self._reports = reports
        self._outputs = outputs
        self._done: list[tuple[Any, ...]] = []
        self.calls: dict[str, Call] = {}
        self.at: Call | None = None
        """Whose function is being called, or result encoded: code that runs outside of its task."""
        self.is_forked = False
        """True in a child that a task has forked: it must not go on as a second host."""
        self.main_ended: Callable[[Call], None] = self.finish
        """Called when the coroutine of a call has ended, and tasks that it started have not."""
        self.became_idle: Callable[[], None] = lambda: None
        """Called when the end of the last call was said."""

    def begin(self, call: Call, function: Callable[..., Any]) -> None:
        """Start its coroutine, as a task in a context where it is the current call.

        The context of the caller keeps it: to set it back costs as much as to set it, so that is
        done once after many.
        """
        CURRENT.set(call)
        self.at = call
        try:
            args, kwargs = calling.bind(function, call.arguments)
            call.arguments = None
            coroutine = function(*args, **kwargs)
            if type(coroutine) is not CoroutineType:
                coroutine = _awaiting(coroutine)
        except BaseException as e:  # noqa: BLE001  any code of the user
            self.fail(call, e)
        else:
            call.task = task = asyncio.Task(coroutine, loop=self._loop)
            task.add_done_callback(self._main_ended)
        finally:
            self.at = None

    def _main_ended(self, _: asyncio.Future[Any]) -> None:
        call = CURRENT.get()  # a callback runs in the context where it was added
        assert call is not None
        if call.children:
            self.main_ended(call)
        else:
            self.finish(call)

    def finish(self, call: Call) -> None:
        """Its coroutine has ended, or was closed, and so have all tasks that it started."""
        if call.has_ended:
            return
        self.at = call
        task = call.task
        assert task is not None
        error: BaseException | None = None
        if not task.done() or task.cancelled():
            error = asyncio.CancelledError()
        else:
            error = task.exception()
        if call.cause:
            self._stopped(call, error)
        elif error is not None:
            self.fail(call, error)
        else:
            try:
                result = calling.encode(task.result())
            except BaseException as e:  # noqa: BLE001  any code of the user
                self.fail(call, e)
            else:
                self.end(call, "succeeded", 0, "", result)
        self.at = None

    def fail(self, call: Call, error: BaseException) -> None:
        """End a call as Python would end with this exception."""
        code, text = exit_of(error)
        if self.is_forked:
            exits.leave_fork(code, text)
        if text:
            self._outputs.of(call, "err").write(text)
        if code == 0:
            self.end(call, "succeeded", 0, "", "null")
        else:
            self.end(call, "failed", code, reason_of(error))

    def stop_unbegun(self, call: Call) -> None:
        """End a call that is to be stopped, and whose function was not yet found."""
        why = _why(call)
        if call.cause == "timed out":
            why += f", while {os.path.basename(call.target.rpartition(':')[0])} was being imported"
        self.end(call, CAUSES[call.cause], None, why)

    def _stopped(self, call: Call, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, asyncio.CancelledError):
            text = exit_of(error)[1]
            if text:
                self._outputs.of(call, "err").write(text)
        self.end(call, CAUSES[call.cause], None, _why(call))

    def end(
        self, call: Call, outcome: str, code: int | None, reason: str, result: str | None = None
    ) -> None:
        """Say how a call ended, behind all of its output."""
        if self.is_forked:
            exits.leave_fork(code or 0)
        if call.out is not None:
            call.out.close()
        if call.err is not None:
            call.err.close()
        call.has_ended = True
        # The context of the task leads back to the call: what both held is free at once this way.
        call.task = call.children = call.arguments = None
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        self.calls.pop(call.key, None)
        lasted_ms = int((self._loop.time() - call.started) * 1000)
        done = self._done
        done.append((call.key, outcome, code, shortened(reason), result, call.note, lasted_ms))
        if len(done) == 1:
            self._loop.call_soon(self.flush)
        elif len(done) >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Write what is to be said of ends."""
        done, self._done = self._done, []
        if done:
            self._reports.say(done_lines(done))
        if not self.calls:
            self.became_idle()


def check_async(target: str, function: Callable[..., Any]) -> None:
    """Raise BadTarget for what can't be a coroutine, before it runs in the loop."""
    inner = inspect.unwrap(function)
    for one in (function, inner, getattr(type(inner), "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(one):
            return
    if inspect.isasyncgenfunction(inner):
        raise calling.BadTarget(f"{target} is an async generator: it yields, and has no result")
    raise calling.BadTarget(f"{target} is not async; it would keep all others waiting")


def _why(call: Call) -> str:
    if call.cause == "timed out" and call.timeout_s:
        return f"timed out after {call.timeout_s:g} s"
    return call.cause


async def _awaiting(one: Any) -> Any:
    """What a decorated function gives may be anything that can be awaited."""
    return await one
