"""The coroutine host: many coroutines on one loop, each a task in a context of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import signal
import sys
import time

from . import children, commands, exits, inherit
from .bell import Bell
from .call import CURRENT
from .channel import Channel
from .deadlines import Deadlines
from .endings import exit_of
from .imports import Imports
from .lines import line
from .lonely import Lonely
from .reports import Reports
from .router import Outputs
from .running import Running, check_async
from .stops import Stops
from .watchdog import Watchdog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .call import Call


_LOOK_S = 30.0
"""How often a host looks whether anybody needs it."""


def serve(folder: str) -> None:
    """Run what the worker asks for, until it says `end`."""
    loop, name = _new_loop()
    asyncio.set_event_loop(loop)
    host = Host(loop, folder)
    host.open()
    host.reports.say(line("ready", os.getpid(), platform.python_version(), name))
    process = os.getpid()
    while not host.is_over:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as e:
            if os.getpid() != process:
                exits.leave_fork(*exit_of(e))
            # of a task: it has ended with it, and the others go on
    exits.leave()


def _new_loop() -> tuple[asyncio.AbstractEventLoop, str]:
    """A loop of uvloop where the environment has it and it works."""
    try:
        import uvloop

        return uvloop.new_event_loop(), "uvloop"
    except Exception:  # noqa: BLE001  one that is broken is not asked for by anybody
        return asyncio.new_event_loop(), "asyncio"


class Host:
    """Reads commands, and has them done."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: str) -> None:
        self._loop = loop
        self._channel = Channel(folder)
        bell = Bell(self._channel.ring)
        self.reports = Reports(folder, bell.now, bell_for_output=bell.soon)
        self._outputs = Outputs(self.reports)
        self._running = Running(loop, self.reports, self._outputs)
        self._stops = Stops(loop, self._running, self.reports, self._outputs)
        self._deadlines = Deadlines(loop, self._stops.time_out)
        self._imports = Imports(loop, self._found)
        self._watchdog = Watchdog(loop, self._running, self.reports, self._outputs, bell, folder)
        self._watchdog.ticked = self._deadlines.arm
        self._functions: dict[str, Callable[..., Any]] = {}
        self._lonely = Lonely()
        self._is_ending = False
        self.is_over = False
        self._commands = {
            "hello": self._hello,
            "start": self._start,
            "cancel": self._cancel,
            "read": self._read,
            "end": self._end,
        }

    def open(self) -> None:
        """Take over this process, and let the worker in."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no task is to take it for its own
        exits.watch(self._running, self.reports, self._outputs)
        inherit.install()
        self._outputs.install()
        self._loop.set_task_factory(children.factory)
        self._loop.set_exception_handler(children.complain)
        self._running.became_idle = self._leave_if_asked
        self._loop.add_reader(self._channel.listener, self._accept)
        self._next_look = self._loop.call_soon(self._look_around)
        gc.freeze()

    def _accept(self) -> None:
        if self._channel.connection is not None:
            self._hear()  # what it said before it was replaced
        if self._channel.connection is not None:
            self._loop.remove_reader(self._channel.connection)
        self._channel.accept()
        if self._channel.connection is not None:
            self._loop.add_reader(self._channel.connection, self._hear)

    def _hear(self) -> None:
        lines = self._channel.read()
        if lines is None:
            if self._channel.connection is not None:
                self._loop.remove_reader(self._channel.connection)
            self._channel.close_connection()
            return
        for one in lines:
            try:
                name, rest = commands.parse(one)
                command = self._commands.get(name)
                if command is None:
                    raise commands.BadCommand(f"there is no command {name[:50]!r}")
                command(rest)
            except commands.BadCommand as e:
                _log(str(e))

    def _hello(self, rest: list[Any]) -> None:
        self._watchdog.lag_s = commands.seconds_of(rest, "lag_s", self._watchdog.lag_s)
        self._lonely.limit_s = commands.seconds_of(rest, "lonely_s", self._lonely.limit_s)
        self._look_around()
        started = time.time() - self._loop.time()
        calls = [
            (call.key, call.note, round(started + call.started, 3))
            for call in self._running.calls.values()
        ]
        self.reports.say(line("state", calls))

    def _start(self, rest: list[Any]) -> None:
        calls, functions, now = self._running.calls, self._functions, self._loop.time()
        for entry in commands.entries_of(rest):
            try:
                call = commands.call_of(entry)
            except commands.BadCall as e:
                if e.call.key not in calls:
                    e.call.started = now
                    self._running.end(e.call, "errored", None, str(e))
                continue
            except commands.BadCommand as e:
                _log(str(e))
                continue
            if call.key in calls:
                continue
            call.started = now
            calls[call.key] = call
            if call.timeout_s:
                self._deadlines.add(call)
            function = functions.get(call.target)
            if function is None:
                self._imports.wait(call)
            else:
                self._running.begin(call, function)
        CURRENT.set(None)
        self._watchdog.wake()

    def _found(
        self, call: Call, function: Callable[..., Any] | None, error: BaseException | None
    ) -> None:
        if function is not None:
            try:
                check_async(call.target, function)
            except Exception as e:  # noqa: BLE001  any object may stand there
                error = e
        if error is not None:
            self._running.fail(call, error)
        elif function is not None:
            self._functions[call.target] = function
            self._running.begin(call, function)

    def _cancel(self, rest: list[Any]) -> None:
        key, grace_s, cause = commands.stop_of(rest)
        call = self._running.calls.get(key)
        if call is not None:
            self._stops.stop(call, cause, grace_s)

    def _read(self, rest: list[Any]) -> None:
        self.reports.settle(commands.number_of(rest))

    def _end(self, rest: list[Any]) -> None:
        self._is_ending = True
        if not self._running.calls:
            self._running.flush()

    def _leave_if_asked(self) -> None:
        if self._is_ending:
            self._leave()

    def _look_around(self) -> None:
        """Leave if nobody needs this host any more."""
        is_heard = self._channel.connection is not None
        is_needed = is_heard or bool(self._running.calls) or self.reports.is_behind
        if self._lonely.look(is_needed=is_needed):
            self._leave()
        self._next_look.cancel()
        wait_s = min(_LOOK_S, self._lonely.limit_s)
        self._next_look = self._loop.call_later(wait_s, self._look_around)

    def _leave(self) -> None:
        self.is_over = True
        self._loop.stop()


def _log(text: str) -> None:
    sys.stderr.write(f"rq-agent: {text}\n")
