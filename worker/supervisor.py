"""The worker's main process: wires the loops and ends them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskStatus

from ..broker.blobs import Blobs
from ..broker.definitions import Definitions
from ..broker.draining import Draining
from ..broker.envelope import Verifier
from ..broker.errors import BrokerUnavailable
from ..broker.home import machine_id
from ..broker.keyrings import Keyrings, follow
from ..broker.lane import Lane
from ..broker.leases import Leases
from ..broker.logs import Logs
from ..broker.namespace import Namespace
from ..broker.presence import Inbox, Workers
from ..broker.replacement import Replacements
from ..broker.shapes import Shapes
from ..broker.ticks import Ticks
from ..broker.trust import TrustFile
from . import os_signals
from .capacity import Capacity
from .config import WorkerConfig
from .environment.cache import Environments
from .executors.venv import VenvExecutor
from .facts import Facts
from .finisher import Finisher
from .handing_over import AWAY_MS, hand_over
from .heartbeat import Heartbeat
from .held import HeldTasks
from .housekeeping import keep_house
from .idling import leave_when_idle
from .intake import Intake
from .mailbox import BLOCK_MS, read_inbox
from .naming import be_the_only, place_of
from .opening import Opening, utc_now
from .outage import Waiting
from .process.journal import Journal
from .process.launcher import Launcher
from .process.sessions import session
from .recovery import NO_DEATHS, Recovery, kill_poison
from .recreation import Recreations
from .replaying import Replaying
from .retelling import Retelling
from .room import Room
from .runners import Runners
from .sdk_folder import bootstrap_path, host_path, materialize
from .server_memory import ServerMemory
from .services.hosts import Hosts
from .services.lights import Lights, MakeHosts
from .services.pace import Pace
from .services.wiring import lights_of
from .signals import Signals
from .snapshots import Snapshots
from .spool_bound import shorten_ended
from .telemetry import Telemetry
from .ticker import tick_while_elected
from .tools import Tools

log = logging.getLogger(__name__)

_LAST_WORDS_S: Final = 10.0
"""For what Redis lost a moment before this worker leaves."""
_MOST_ENDS: Final = 2_000
"""That wait to be told: then nothing is claimed that would make more of them."""


class Supervisor:
    """One `rq-agent work`."""

    def __init__(
        self,
        config: WorkerConfig,
        namespace: Namespace,
        blocking: Namespace,
        signals: Signals | None = None,
        now: Callable[[], datetime] = utc_now,
        make_hosts: MakeHosts = Hosts,
    ) -> None:
        self._config = config
        self._namespace = namespace
        self._blocking = blocking
        self._signals = signals or Signals()
        self._tasks = HeldTasks(self._signals.moved)
        self._capacity = Capacity(
            slots=config.slots,
            gpus=config.gpus,
            cpus=config.cpus,
            mem_mib=config.mem_mib,
            services=config.services,
            is_shared=config.services_shared,
        )
        self._make_hosts = make_hosts
        self._pace = Pace(config.services)
        self._lane = Lane(namespace.redis)
        self._inbox_lane = Lane(blocking.redis, block_s=BLOCK_MS / 1000)
        self._leases = Leases(namespace.over(self._lane) if config.services else namespace)
        self._finisher = Finisher(self._leases, self._signals.outage)
        cache = config.home.cache
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._telemetry = Telemetry(cache, every_s=config.beat_ms / 1000)
        self._facts = Facts(config, self._tasks, self._signals, self._telemetry)
        self._heartbeat = Heartbeat(
            config, self._tasks, self._signals, self._leases, self._facts.gather
        )
        self._opening = Opening(config, self._tasks, self._signals, now)
        self._replaying = Replaying(self._tasks, self._signals, self._finisher)
        self._signals.outage.waiting = self._waiting
        self._deaths = NO_DEATHS

    async def run(self, *, ready: Callable[[], None] = lambda: None) -> int:
        """Work until drained. Return how many tasks ended here.

        Args:
            ready: called when the worker is known to others and about to claim.
        """
        async with self._tools() as tools, self._lights(tools) as lights:
            await be_the_only(self._config.name, self._facts.place, Workers(self._namespace))
            inbox = Inbox(self._blocking, self._config.name, lane=self._inbox_lane)
            await inbox.start()
            await Draining(self._namespace).undrain(self._config.name)  # of a session before
            recovery = await Recovery.of(
                tools.journal,
                tools.folder,
                self._tasks,
                self._capacity,
                deaths=self._deaths,
            )
            await lights.find()
            self._opening.look()
            await tools.keyrings.look()  # before a claim: a key may be revoked since
            await self._heartbeat.beat_once()
            self._opening.look()  # the hours may be overridden
            async with anyio.create_task_group() as loops:
                await loops.start(self._heed_signals)
                ready()
                loops.start_soon(self._heartbeat.run)
                loops.start_soon(read_inbox, inbox, self._tasks, self._signals, tools.keyrings.hint)
                loops.start_soon(self._finisher.run)
                loops.start_soon(self._tick)
                loops.start_soon(self._replaying.run)
                loops.start_soon(leave_when_idle, self._config, self._tasks, self._signals)
                loops.start_soon(self._opening.run)
                loops.start_soon(keep_house, tools)
                loops.start_soon(tools.recreations.run)
                loops.start_soon(tools.retelling.run)
                loops.start_soon(self._memory(tools.folder).run)
                loops.start_soon(tools.room.run)
                loops.start_soon(shorten_ended, tools.room, tools.folder / "tasks")
                loops.start_soon(follow, tools.keyrings)
                await self._work(tools, recovery, lights)
                with anyio.move_on_after(_LAST_WORDS_S):
                    await self._replaying.replay()
                    await tools.retelling.told()
                loops.cancel_scope.cancel()
        try:
            await self._leave()
        finally:
            self._lane.close()
        return self._facts.ended

    async def _leave(self) -> None:
        try:
            if self._signals.starts_anew:
                await self._heartbeat.be_away(AWAY_MS)
            else:
                await Workers(self._namespace).leave(self._config.name)
        except BrokerUnavailable as e:  # it then drops off the list by itself
            log.warning("%s", e)

    async def _work(self, tools: Tools, recovery: Recovery, lights: Lights) -> None:
        """Claim and run until the worker drains and its tasks have ended, or go on without it."""
        async with anyio.create_task_group() as group:
            runners = Runners(group, tools, self._capacity, self._tasks, self._facts)
            for attempt, held in recovery.found:
                runners.go_on(attempt, held)
            lights.begin(runners.start)
            intake = Intake(
                self._config,
                self._capacity,
                self._tasks,
                self._signals,
                self._leases,
                Shapes(self._namespace),
                lights.start,
                pace=self._pace,
                is_behind=lambda: self._finisher.waiting > _MOST_ENDS,
            )
            await intake.run()
            while self._signals.starts_anew:
                if await hand_over(self._tasks, self._signals):
                    runners.let_go()
                    break
                await intake.run()
            await lights.end()

    def _lights(self, tools: Tools) -> AbstractAsyncContextManager[Lights]:
        return lights_of(
            tools, self._tasks, self._capacity, self._facts, self._pace, self._make_hosts
        )

    async def _tick(self) -> None:
        ticks = Ticks(self._namespace)
        await tick_while_elected(self._heartbeat, ticks, lease_ms=self._config.lease_ms)

    def _memory(self, folder: Path) -> ServerMemory:
        return ServerMemory(
            folder,
            where=self._namespace.where,
            namespace=self._namespace.name,
            replacements=Replacements(self._namespace),
            signals=self._signals,
            heartbeat=self._heartbeat,
        )

    def _waiting(self) -> Waiting:
        return Waiting(
            running=sum(held.is_watched for held in self._tasks),
            ends=max(
                self._finisher.waiting,
                sum(held.is_started and not held.is_watched for held in self._tasks),
            ),
            output_bytes=sum(held.waiting_bytes() for held in self._tasks)
            + self._facts.unshipped_bytes(),
        )

    async def _heed_signals(self, *, task_status: TaskStatus[None]) -> None:
        draining, name = Draining(self._namespace), self._config.name
        await os_signals.heed(self._tasks, self._signals, draining, name, task_status=task_status)

    @asynccontextmanager
    async def _tools(self) -> AsyncIterator[Tools]:
        config = self._config
        folder = config.home.state / machine_id() / "workers" / config.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            stack.callback(self._lane.close)
            stack.callback(self._inbox_lane.close)
            journal = stack.enter_context(Journal(folder, worker=config.name))
            self._deaths = stack.enter_context(session(folder, journal.open_attempts()))
            kill_poison(journal, self._deaths)  # before it kills this session, too
            self._facts.place = place_of(folder)
            stack.enter_context(self._telemetry.running())
            launcher = await stack.enter_async_context(Launcher())
            launcher.sweep(folder / "tasks")
            launcher.sweep(folder / "hosts")
            trust = TrustFile(config.home.config / "trust.json")
            blobs = Blobs(self._namespace)
            snapshots = Snapshots(blobs, config.home.cache / "snapshots")
            recreations = Recreations(config, self._signals, self._leases, blobs, snapshots)
            yield Tools(
                config=config,
                namespace=self._namespace.name,
                folder=folder,
                definitions=Definitions(self._namespace),
                snapshots=snapshots,
                leases=self._leases,
                logs=Logs(self._namespace),
                verifier=Verifier(trust),
                keyrings=Keyrings(self._namespace, trust),
                executors={"venv": self._venv(launcher)},
                journal=journal,
                finisher=self._finisher,
                signals=self._signals,
                recreations=recreations,
                retelling=Retelling(self._finisher, recreations, self._signals.outage),
                telemetry=self._telemetry,
                room=Room(
                    [folder, config.home.cache], self._signals, limit_bytes=config.spool_limit_bytes
                ),
            )

    def _venv(self, launcher: Launcher) -> VenvExecutor:
        cache = self._config.home.cache
        return VenvExecutor(
            Environments(cache, max_bytes=self._config.environments_bytes),
            launcher,
            sdk=materialize(cache),
            bootstrap=bootstrap_path(cache),
            host=host_path(cache),
        )
