"""The light tasks of one worker: claimed in batches, called in hosts, and told of in batches.

Between claim and finish of a call there is nothing that costs a round trip, a file, a thread or a
task of the event loop. What is no call of a function is run as any other program.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import anyio
import anyio.abc

from ...broker import restarts
from ...broker.errors import TrustError
from ...broker.states import Phase
from ...broker.trust import TrustFileError
from ..capacity import Capacity
from ..endings import StopCause
from ..facts import Facts
from ..held import Held, HeldTasks
from ..process import boot_clock
from ..tools import Tools
from . import notes
from .admission import Admission
from .calls import Call, Ended, HostPlan, HostTools, Listener, Said
from .entering import Entering
from .host_tools import host_tools
from .hosts import Hosts
from .light import Light
from .light_ends import LightEnds
from .outputs import Outputs
from .pace import Pace

log = logging.getLogger(__name__)

_SWEEP_S: Final = 0.25
_PATIENT: Final = 2
"""Sweeps that may find a task waiting for a place; then another worker may have it."""
_BEFORE_S: Final = 1.0
"""How long before its lease ends for others a task of `--exclusive kill` is stopped."""
_NO_PLACE: Final = "claimed ahead, and no place came free"

MakeHosts = Callable[[HostTools, Listener, anyio.abc.TaskGroup], Hosts]


class Lights:
    """One per worker. Listens to its hosts, and to what becomes of its claims."""

    def __init__(
        self,
        tools: Tools,
        tasks: HeldTasks,
        capacity: Capacity,
        facts: Facts,
        pace: Pace,
        group: anyio.abc.TaskGroup,
        *,
        make_hosts: MakeHosts,
    ) -> None:
        """`group` runs the loops of this, and what watches the hosts."""
        self._tools = tools
        self._tasks = tasks
        self._capacity = capacity
        self._signals = tools.signals
        self._pace = pace
        self._group = group
        self._run_program: Callable[[Held], None] = lambda held: None
        self._lights: dict[str, Light] = {}
        self._queue: deque[Light] = deque()
        """Verified, and waiting for a place."""
        self.hosts = make_hosts(host_tools(tools), self, group)
        self.outputs = Outputs(tools.logs, tools.signals.outage)
        self._entering = Entering(tools.leases, self._lights)
        self._ends = LightEnds(
            self._lights,
            tasks,
            capacity,
            tools.finisher,
            self.outputs,
            tools.recreations,
            facts,
            group,
            folder=tools.folder / "tasks",
            settled=self.hosts.settled,
        )
        self._admission = Admission(
            tools.config,
            tools.namespace,
            tools.verifier,
            tools.keyrings,
            tools.definitions,
            group,
            self,
        )

    async def find(self) -> None:
        """Hold what earlier sessions of this worker left in hosts, from the first moment on."""
        found = []
        for running in await self.hosts.find():
            noted = notes.read(running.key, running.note)
            if noted is None:
                self.hosts.cancel(running.key, StopCause.LOST, grace_s=0, reason="its note is cut")
                continue
            light = self._hold(noted.held)
            light.is_resumed = light.is_called = True
            light.exclusive = noted.exclusive
            light.held.is_started = light.held.is_watched = True
            light.held.make_anew = bool  # its envelope is gone: nobody could verify the record
            self._capacity.book(light.held.key, light.held.need, light.held.gpus)
            found.append(light.held)
        if found:
            log.info("%d light tasks go on", len(found))
            self._tasks.add(*found)

    def begin(self, run_program: Callable[[Held], None]) -> None:
        """Start the loops; `run_program` runs a task that is no call of a function."""
        self._run_program = run_program
        self._group.start_soon(self.outputs.run)
        self._group.start_soon(self._entering.run)
        self._group.start_soon(self._sweep)
        self._group.start_soon(self._release_lasting)

    async def end(self) -> None:
        """Leave: end the hosts, or leave them to the next session."""
        if self._signals.starts_anew:
            self.hosts.let_go()
        else:
            await self.hosts.retire()

    def start(self, claimed: Sequence[Held]) -> None:
        """Run what was just claimed."""
        lights = []
        for held in claimed:
            if held.need.light:
                lights.append(self._hold(held))
            else:
                self._run_program(held)
        if lights:
            self._admission.admit(lights)

    def _hold(self, held: Held) -> Light:
        light = Light(held)
        held.heed = self._heed
        held.make_anew = partial(self._ends.make_anew, light)
        self._lights[light.key] = light
        return light

    # What the admission tells.

    def ready(self, tasks: Sequence[Light]) -> None:
        """Call verified tasks as soon as there is a place."""
        stopped = [light for light in tasks if light.held.cause is not None]
        if stopped:
            self._ends.of_stopped(stopped)
        self._queue.extend(light for light in tasks if light.held.cause is None)
        self._go()

    def program(self, held: Held) -> None:
        """Run a task that is no call of a function."""
        self._lights.pop(notes.key_of(held.claim), None)
        held.heed, held.make_anew = _nothing, _yes
        self._run_program(held)

    def refused(self, light: Light, error: TrustError) -> None:
        """Tell of a task that must not be run; nobody else is concerned."""
        self._ends.of_refused(light, f"quarantined: {error}")

    def untrusting(self, tasks: Sequence[Light], error: TrustFileError) -> None:
        """The fault is this worker's: it claims no more, and another one runs the tasks."""
        log.error("%s; this worker claims no more", error)
        self._signals.drain(str(error))
        for light in tasks:
            light.held.stop(StopCause.RELEASED, reason=str(error))
        self._ends.of_stopped(tasks)

    # What the hosts tell.

    def ended(self, ends: Sequence[Ended]) -> None:
        """Tell of ends, and use the places."""
        known = []
        strange = []
        for end in ends:
            light = self._lights.get(end.key) or self._of_note(end)
            if light is None:
                strange.append(end.key)
            else:
                known.append((light, end))
        if strange:
            self.hosts.settled(strange)
        self._ends.of_calls(known)
        self._pace.ended([end.lasted_ms for end in ends])
        self._go()
        self._signals.moved()

    def said(self, parts: Sequence[Said]) -> None:
        """Ship what tasks said."""
        for said in parts:
            light = self._lights.get(said.key)
            if light is not None and light.held.cause is not StopCause.LOST:
                self.outputs.add([(light.token, said)], is_resumed=light.is_resumed)

    def placed(self, keys: Sequence[str]) -> None:
        """Leave tasks to the next session from now on; those that wait for a host go back."""
        lights = self._lights
        for key in keys:
            if (light := lights.get(key)) is not None:
                light.held.is_started = light.held.is_watched = True

    def entered(self, keys: Sequence[str], phase: Phase) -> None:
        """Tell what tasks wait for."""
        self._entering.enter(keys, phase)

    def _of_note(self, end: Ended) -> Light | None:
        """Return a task that an earlier session called and that has ended since."""
        noted = notes.read(end.key, end.note) if end.note else None
        if noted is None:
            return None
        light = self._hold(noted.held)
        light.is_resumed = light.is_called = True
        self._tasks.add(noted.held)  # until its end is told, the beats list it
        return light

    # Places.

    def _go(self) -> None:
        """Call as many of those that wait as have a place."""
        places = self._capacity.light_left + len(self._queue)
        calls: dict[str, tuple[HostPlan, list[Call]]] = {}
        while self._queue and places > 0:
            light = self._queue.popleft()
            plan, call = light.plan, light.call
            assert plan is not None
            assert call is not None
            calls.setdefault(plan.key, (plan, []))[1].append(call)
            light.is_called = True
            light.plan = light.call = None
            places -= 1
        for plan, of_plan in calls.values():
            self.hosts.call(plan, of_plan)

    def _heed(self, held: Held) -> None:
        """A task is to stop, or sooner than it was told before."""
        light = self._lights.get(notes.key_of(held.claim))
        if light is None or held.cause is None:
            return
        if light.is_called:
            grace_s = 0.0 if held.cause is StopCause.LOST else held.grace_s
            self.hosts.cancel(light.key, held.cause, grace_s=grace_s, reason=held.reason)
        elif light.call is not None:  # else it is being verified, and ends then
            self._queue.remove(light)
            self._ends.of_stopped([light])

    # Loops.

    async def _sweep(self) -> None:
        """Give back what waits for too long, and stop what must not outlive its lease."""
        while True:
            await anyio.sleep(_SWEEP_S)
            for light in self._queue:
                light.waited += 1
            if self._queue and self._queue[0].waited > _PATIENT:
                self._pace.missed()
                for light in [light for light in self._queue if light.waited > _PATIENT]:
                    light.held.stop(StopCause.RELEASED, reason=_NO_PLACE)
            now_s = boot_clock.now_s()
            for light in list(self._lights.values()):
                if light.exclusive == "kill" and light.is_called:
                    self._expire(light, now_s)

    def _expire(self, light: Light, now_s: float) -> None:
        until_s = light.held.safe_until_s
        if until_s:
            self.hosts.renew(light.key, until_s)
        if until_s and now_s > until_s - _BEFORE_S and not light.is_expired:
            log.warning("task %s: its lease can't be renewed; stopped", light.key)
            light.is_expired = True
            self.hosts.cancel(light.key, StopCause.LOST, grace_s=0, reason="its lease runs out")

    async def _release_lasting(self) -> None:
        """A worker that leaves hands over what would never end by itself."""
        while True:
            heard = self._signals.heard
            why = "" if self._signals.starts_anew else self._signals.draining
            if why:
                for held in self._tasks:  # programs, too
                    if held.cause is None and _is_lasting(held):
                        held.stop(StopCause.RELEASED, reason=why)
            await self._signals.news(since=heard)


def _is_lasting(held: Held) -> bool:
    """Return whether a task has a restart policy."""
    retry = held.claim.retry
    return bool(retry) and restarts.decode(retry) is not None


def _nothing(held: Held) -> None:
    """Its runner waits for the event."""


def _yes() -> bool:
    return True
