"""The fork host: each call in a child, forked from a process that has none of the user's code.

It has one thread, so that a fork is safe at any time, and loads little, so that it is cheap. A
child leads a session of its own and adopts what its descendants leave orphaned. What it leaves
behind itself comes to the host, and is killed before its end is told.
"""

from __future__ import annotations

import gc
import os
import platform
import selectors
import sys
import time

from ..process import prctl
from . import commands, descriptors
from .channel import Channel
from .fork_ends import ForkEnds
from .fork_outputs import ForkOutputs
from .fork_pulse import Pulse
from .fork_stops import ForkStops
from .forking import Forking
from .lines import line
from .lonely import Lonely
from .reports import Reports
from .sigchld import Sigchld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .call import Call
    from .forked import Forked

_FORKS_A_TURN = 8
_RETRY_S = 0.5
"""How often what a full disk has kept back is tried again."""


def serve(folder: str) -> None:
    """Run what the worker asks for, until it says `end`."""
    prctl.adopt_orphans()
    descriptors.raise_limit()
    channel = Channel(folder)
    reports = Reports(folder, channel.ring)
    host = Forks(channel, reports)
    reports.say(line("ready", os.getpid(), platform.python_version(), "fork"))
    # A collection would touch, and so copy, all pages of this process in each child.
    gc.disable()
    gc.freeze()
    host.run()


class Forks:
    """All calls of one host, from their `start` to their `done`."""

    def __init__(self, channel: Channel, reports: Reports) -> None:
        self._channel = channel
        self._reports = reports
        self._selector = selectors.DefaultSelector()
        self._sigchld = Sigchld()
        self._waiting: dict[str, Call] = {}
        self._running: dict[str, Forked] = {}
        self._forking = Forking()
        self._outputs = ForkOutputs(self._selector, reports)
        self._stops = ForkStops(self._running, reports)
        self._ends = ForkEnds(self._running, self._outputs, reports)
        self._pulse = Pulse(self._running, reports)
        self._lonely = Lonely()
        self._is_over = False
        self._commands: dict[str, Callable[[list[Any]], None]] = {
            "hello": self._hello,
            "start": self._start,
            "cancel": self._cancel,
            "read": self._settle,
            "end": self._end,
        }
        self._watch(channel.listener.fileno(), self._accept)
        self._watch(self._sigchld.fd, self._sigchld.read)

    def run(self) -> None:
        """Serve until there is nothing more to do."""
        while not self._is_done():
            for key, _ in self._selector.select(self._wait_s()):
                key.data(key.fd)
            if self._sigchld.has_come:
                self._sigchld.has_come = False
                self._ends.collect()
            self._fork_some()
            self._stops.look()
            self._ends.look()
            self._outputs.flush_older()
            self._pulse.beat()
            self._reports.try_again()

    def _is_done(self) -> bool:
        is_idle = not (self._waiting or self._running)
        is_heard = self._channel.connection is not None
        is_needed = is_heard or not is_idle or self._reports.is_behind
        return self._lonely.look(is_needed=is_needed) or (self._is_over and is_idle)

    def _wait_s(self) -> float | None:
        if self._waiting:
            return 0.0
        parts = (self._stops, self._ends, self._outputs, self._pulse, self._lonely)
        times = [_RETRY_S if self._reports.is_behind else None]
        times += [one.wait_s() for one in parts]
        return min((one for one in times if one is not None), default=None)

    def _watch(self, fd: int, read: Callable[[int], object]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, read)

    def _accept(self, _: int) -> None:
        self._forget_connection()
        if (fresh := self._channel.accept()) is not None:
            self._watch(fresh.fileno(), self._read)

    def _forget_connection(self) -> None:
        if self._channel.connection is not None:
            self._selector.unregister(self._channel.connection.fileno())
            self._channel.close_connection()

    def _read(self, _: int) -> None:
        lines = self._channel.read()
        if lines is None:
            self._forget_connection()
            return
        for one in lines:
            try:
                name, rest = commands.parse(one)
                obey = self._commands.get(name)
                if obey is None:
                    raise commands.BadCommand(f"no such command: {name[:80]!r}")
                obey(rest)
            except commands.BadCommand as e:
                sys.stderr.write(f"rq-agent host: {e}\n")

    def _hello(self, rest: list[Any]) -> None:
        self._lonely.limit_s = commands.seconds_of(rest, "lonely_s", self._lonely.limit_s)
        offset = time.time() - time.monotonic()
        calls = [child.call for child in self._running.values()]
        calls += self._waiting.values()
        rows = [[one.key, one.note, one.started + offset] for one in calls]
        self._reports.say(line("state", rows))

    def _start(self, rest: list[Any]) -> None:
        for entry in commands.entries_of(rest):
            try:
                call = commands.call_of(entry)
            except commands.BadCall as e:
                if e.call.key not in self._running and e.call.key not in self._waiting:
                    self._ends.never_began(e.call, "errored", str(e))
                continue
            except commands.BadCommand as e:
                sys.stderr.write(f"rq-agent host: {e}\n")
                continue
            if call.key not in self._running and call.key not in self._waiting:
                call.started = time.monotonic()
                self._waiting[call.key] = call

    def _cancel(self, rest: list[Any]) -> None:
        key, grace_s, cause = commands.stop_of(rest)
        self._ends.collect()  # what has ended can't be stopped
        child = self._running.get(key)
        if child is not None and child.status is None:
            self._stops.stop(child, cause, grace_s)
        elif (call := self._waiting.pop(key, None)) is not None:
            self._ends.never_began(call, commands.CAUSES[cause], cause)

    def _settle(self, rest: list[Any]) -> None:
        self._reports.settle(commands.number_of(rest))

    def _end(self, _: list[Any]) -> None:
        self._is_over = True

    def _fork_some(self) -> None:
        for call in list(self._waiting.values())[:_FORKS_A_TURN]:
            del self._waiting[call.key]
            try:
                child = self._forking.fork(call)
            except OSError as e:
                reason = f"no process could be started: {e.strerror}"
                self._ends.never_began(call, "errored", reason)
                continue
            self._running[call.key] = child
            self._outputs.open(child)
            self._stops.began(child)
            self._ends.began(child)
