"""All hosts of one worker: finds a host for each call, and starts, replaces and ends hosts."""

import logging
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from ...broker.claims import Outcome
from ...broker.errors import SnapshotError
from ...broker.states import Phase
from .. import endings
from ..endings import Ending, StopCause
from . import host_folder
from .beside import Beside
from .calls import Call, Ended, HostPlan, HostTools, HostView, Listener, Running
from .host import LOOK_S, Host
from .host_folder import LeftHost
from .in_host import ending_of, of_waiting
from .isolation import Death, class_of
from .making import executor_of
from .pool import Pool
from .settling import Unsettled
from .starting import Starting
from .targets import on_disk

log = logging.getLogger(__name__)

_IDLE: Final = 16
"""Hosts that are kept though nothing runs in them."""
_RETIRE_S: Final = 12.0
_LEAVES: Final = Death(reason="its worker leaves", is_ours=True)

PoolKey = tuple[str, int]
"""Key of the plan, class of isolation."""


class Hosts:
    """One per worker with `--services`. Only find() and retire() wait for anything."""

    def __init__(self, tools: HostTools, listener: Listener, group: TaskGroup) -> None:
        """`group` runs what watches the hosts until retire() or let_go(); cancelled, they go on."""
        self.listener = listener
        self.unsettled = Unsettled()
        self._tools = tools
        self._watching = Beside(group)
        self._makings = Beside(group)
        self._pools: dict[PoolKey, Pool[Host]] = {}
        self._places: dict[str, Pool[Host] | Host] = {}
        """Where each call is that has not ended."""
        self._hosts: dict[Path, Host] = {}
        """By folder."""
        self._buried: list[Host] = []
        """Dead, with reports of ends that are not settled."""
        self._last_number = 0
        self._starting = Starting(tools, self)
        self._one_gone = anyio.Event()
        self._is_looking = False

    def call(self, plan: HostPlan, calls: Sequence[Call]) -> None:
        """Have calls run. What goes wrong comes back as their end, also that no host can be made.

        Args:
            plan: of the host.
            calls: all of this plan.
        """
        self._begin_to_look()
        filled: dict[PoolKey, Pool[Host]] = {}
        for call in calls:
            if problem := problem_of(call.target):
                self.ended([of_waiting(call, endings.errored(problem, may_retry=False))])
                continue
            key = (plan.key, class_of(call.isolation))
            pool = filled.get(key)
            if pool is None:
                pool = filled[key] = self._pool(plan, key)
            pool.waiting[call.key] = call
            self._places[call.key] = pool
        for pool in filled.values():
            self.fill(pool)

    def cancel(
        self, key: str, cause: StopCause, *, grace_s: float | None = None, reason: str = ""
    ) -> None:
        """Ask one call to stop; may be asked again with a shorter grace. It ends as usual.

        Args:
            key: of the call. One that is not known, or has ended, is left out.
            cause: LOST: its end must not be reported; it comes as RELEASE.
            grace_s: None: the call's own.
            reason: for its end; empty: the cause.
        """
        place = self._places.get(key)
        if isinstance(place, Host):
            place.stop(key, cause, grace_s=grace_s, reason=reason)
        elif place is not None and (call := place.drop(key)) is not None:
            self.ended([of_waiting(call, ending_of(cause, reason))])

    def renew(self, key: str, until_s: float) -> None:
        """Let a call with `until_s` run for longer; its host is killed then, also without us."""
        place = self._places.get(key)
        if isinstance(place, Host):
            place.renewed.until(until_s)
        elif place is not None:
            place.renew(key, until_s)

    def settled(self, keys: Sequence[str]) -> None:
        """Note that the ends of calls are safe in Redis: nobody needs the reports about them."""
        self.unsettled.settle(keys)

    async def find(self) -> list[Running]:
        """Go on with the hosts that earlier sessions of this worker left.

        Returns:
            What runs in them, and what has ended and was perhaps never told: the listener hears of
            those, and of what was printed, after this returned. So it does of what died with its
            host: that ends as with any host that dies.
        """
        left = await anyio.to_thread.run_sync(host_folder.left, self._folder)
        if not left:
            return []
        self._begin_to_look()
        self._last_number = max(one.facts.number for one in left)
        hosts = [self._go_on(one) for one in left]
        for host in hosts:
            await host.begun.wait()
        self._watching.go(partial(self._release, hosts))
        return [running for host in hosts for running in host.all_found()]

    async def _release(self, hosts: Sequence[Host]) -> None:
        for host in hosts:
            host.telling.release()

    def views(self) -> list[HostView]:
        """Return the hosts that run, oldest first."""
        return sorted((h.view() for h in self._hosts.values()), key=lambda view: view.number)

    async def retire(self) -> None:
        """End all hosts; what still runs or waits is released. Returns when they are gone."""
        released = Ending(outcome=Outcome.RELEASE, reason=_LEAVES.reason)
        for pool in self._pools.values():
            self.ended([of_waiting(call, released) for call in pool.take_all()])
        self._makings.cancel()
        with anyio.move_on_after(_RETIRE_S):
            while self._hosts:
                for host in self._hosts.values():
                    host.condemn(_LEAVES) if len(host.calls) else host.end()
                await self._one_gone.wait()
        self.let_go()
        with anyio.CancelScope(shield=True):
            await self._tidy()

    def let_go(self) -> None:
        """Leave the hosts as they are, for the next session of the worker."""
        self._makings.cancel()
        self._watching.cancel()

    # What hosts and their making ask of it.

    def changed(self, host: Host) -> None:
        """A host takes calls, was found again, or calls in it ended."""
        facts = host.facts
        pool = self._pools.get((facts.key, facts.isolation))
        if facts.alone and not host.is_new and not len(host.calls):
            host.end()
        if pool is not None and pool.waiting:
            self.fill(pool)

    def placed(self, keys: Iterable[str], host: Host) -> None:
        """Calls are in a host."""
        self._places.update(dict.fromkeys(keys, host))

    def ended(self, ends: Sequence[Ended]) -> None:
        """Calls ended."""
        for end in ends:
            self._places.pop(end.key, None)
        self.listener.ended(ends)

    def fill(self, pool: Pool[Host]) -> None:
        """Give the calls that wait to hosts with room, and have more hosts made if there is none."""
        for host, calls in pool.place():
            keys = [call.key for call in calls]
            self.placed(keys, host)
            self.listener.placed(keys)
            if told := pool.begun(calls):
                self.listener.entered(told, Phase.RUNNING)
            host.run(calls)
        for _ in range(pool.wanted()):
            pool.making += 1
            self._makings.go(partial(self._starting.start, pool))

    def new_number(self) -> int:
        """Return the number of a new host."""
        self._last_number += 1
        return self._last_number

    def add(self, host: Host, pool: Pool[Host] | None) -> None:
        """Watch over a host."""
        self._hosts[host.folder] = host
        if pool is not None:
            pool.hosts.append(host)
        self._watching.go(partial(self._serve, host))

    async def _serve(self, host: Host) -> None:
        await host.serve()
        del self._hosts[host.folder]
        self._buried.append(host)
        key = (host.facts.key, host.facts.isolation)
        pool = self._pools.get(key)
        if pool is not None and host in pool.hosts:
            pool.hosts.remove(host)
            self.fill(pool)
        self._one_gone.set()
        self._one_gone = anyio.Event()
        await self._sweep()

    # What goes on as long as it is used.

    def _begin_to_look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._watching.go(self._look)

    async def _look(self) -> None:
        while True:
            await anyio.sleep(LOOK_S)
            now_s = time.monotonic()
            for host in list(self._hosts.values()):
                host.look()
            for key, pool in list(self._pools.items()):
                if pool.is_empty:
                    del self._pools[key]
                elif news := pool.untold(now_s=now_s):
                    self.listener.entered(news[1], news[0])
            self._end_idle(now_s)
            await self._sweep()

    def _end_idle(self, now_s: float) -> None:
        idle = [host for host in self._hosts.values() if host.is_ready and not len(host.calls)]
        idle.sort(key=lambda host: host.idle_since_s, reverse=True)
        for place, host in enumerate(idle):
            is_long = now_s - host.idle_since_s >= self._tools.idle_s
            if is_long or host.is_worn or place >= _IDLE:
                host.end()

    async def _sweep(self) -> None:
        """Remove folders of dead hosts: not before their ends are settled, for the next session."""
        over = [host for host in self._buried if host.telling.settling.is_done]
        self._buried = [host for host in self._buried if host not in over]
        if over:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(host_folder.remove, *(host.folder for host in over))

    async def _tidy(self) -> None:
        """Remove what is left of hosts that were never made, or whose end nobody saw."""
        await self._sweep()
        kept = {host.folder for host in self._buried}
        for left in await anyio.to_thread.run_sync(host_folder.left, self._folder):
            if left.is_running:
                await executor_of(self._tools).stop(left.handle, grace_s=0)
            if left.folder not in kept:
                await anyio.to_thread.run_sync(host_folder.remove, left.folder)

    def _go_on(self, left: LeftHost) -> Host:
        """Watch over a host of an earlier session, or what it reported before it died."""
        executor = executor_of(self._tools)
        host = Host(left.facts, left.handle, self._tools, self, executor, is_found=True)
        self.add(host, None)
        return host

    def _pool(self, plan: HostPlan, key: PoolKey) -> Pool[Host]:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(plan, key[1])
            pool.hosts += (
                h for h in self._hosts.values() if (h.facts.key, h.facts.isolation) == key
            )
        pool.plan = plan
        return pool

    @property
    def _folder(self) -> Path:
        return self._tools.folder / "hosts"


@lru_cache(4096)
def problem_of(target: str) -> str:
    """Return what is wrong with a target; empty: nothing that can be seen from here."""
    try:
        on_disk(target, Path())
    except SnapshotError as e:
        return str(e)
    return ""
