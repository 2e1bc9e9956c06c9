"""The heartbeat: renews leases, and hears what became of the tasks."""

import logging
from collections.abc import Callable, Mapping

import anyio

from ..broker.beats import Beat
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from .config import WorkerConfig
from .endings import StopCause
from .held import Held, HeldTasks
from .process import boot_clock
from .signals import Signals
from .stopping import stop_now

log = logging.getLogger(__name__)

_LEASES_A_CALL = 256
RETRY_S = 1.0
"""After a beat that failed: its answer was waited for already, and a parked worker whose wake-up
was lost hears of it from a beat only."""
LOOK_GAP_S = 0.05
"""Between two looks: who floods the inbox must not flood Redis through this worker."""


class Heartbeat:
    """One beat every `beat_ms`, in slices spread over the period."""

    def __init__(
        self,
        config: WorkerConfig,
        tasks: HeldTasks,
        signals: Signals,
        leases: Leases,
        facts: Callable[[], Mapping[str, str]],
    ) -> None:
        self._config = config
        self._tasks = tasks
        self._signals = signals
        self._leases = leases
        self._facts = facts
        self._shape_count = -1
        self.ticker = anyio.Event()
        """Set while this worker is the one that ticks."""

    async def run(self) -> None:
        """Beat forever."""
        while True:
            parts = slices(self._held(), _LEASES_A_CALL)
            for n, listed in enumerate(parts):
                # Of those that were held when the beat began, most may have ended since.
                part = [held for held in listed if held.key in self._tasks] if n else listed
                rest_s = self._config.beat_ms / 1000 / len(parts)
                try:
                    await self._beat(part, is_first=n == 0, is_last=n == len(parts) - 1)
                except BrokerUnavailable as e:
                    self._signals.outage.missed(e)
                    rest_s = min(rest_s, RETRY_S)
                await self._rest(rest_s)

    async def beat_once(self) -> None:
        """Announce the worker before it claims, so that nobody sees a task without its worker.

        What an earlier session left is renewed with it, or taken back if nobody claimed it since.
        """
        await self._beat(self._held(), is_last=True)

    async def be_away(self, away_ms: int) -> None:
        """Let worker and leases last for a while without a beat."""
        await self._beat(self._held(), is_last=True, away_ms=away_ms)

    async def look_once(self) -> None:
        """See what this worker is told, and tell how it is.

        A look lists no task and completes no beat: many of them must not make it seem that a
        claim, whose answer is on its way, was missed by two beats.
        """
        await self._beat([], is_last=False)

    async def _rest(self, rest_s: float) -> None:
        """Wait for the next beat; meanwhile look when asked to."""
        until = anyio.current_time() + rest_s
        while (left_s := until - anyio.current_time()) > 0:
            with anyio.move_on_after(left_s) as waiting:
                await self._signals.asked_to_look()
            if waiting.cancelled_caught:
                return
            try:
                await self.look_once()
            except BrokerUnavailable as e:
                self._signals.outage.missed(e)
            await anyio.sleep(LOOK_GAP_S)

    def _held(self) -> list[Held]:
        return [held for held in self._tasks if held.cause is not StopCause.LOST]

    async def _beat(
        self, part: list[Held], *, is_last: bool, is_first: bool = True, away_ms: int = 0
    ) -> None:
        profile = self._signals.profile
        sent_s = boot_clock.now_s()
        beat = await self._leases.beat(
            self._config.name,
            [held.claim for held in part],
            ttl_ms=max(away_ms, self._config.lease_ms),
            least_ms=away_ms,
            facts=self._facts() if is_first else {},
            profile=profile,
            # A task that ended here, as Redis forgot, is neither held nor to be given back.
            is_last=is_last and self._signals.is_replayed,
        )
        self._signals.outage.answered()
        if profile == self._signals.profile and profile and not beat.is_parked:
            self._signals.notify()  # the next claim parks it again; nobody could wake it
        gone = {*beat.lost, *beat.missing}
        for held in part:
            if held.claim.task_id not in gone:
                held.renew(sent_s, least_ms=away_ms)
        self._heed(part, beat)

    def _heed(self, part: list[Held], beat: Beat) -> None:
        lost, missing = set(beat.lost), set(beat.missing)
        for held in part:  # not by id: the task may have been claimed anew since the beat was sent
            is_missing = held.claim.task_id in missing and not held.make_anew()
            if is_missing or held.claim.task_id in lost:
                held.stop(StopCause.LOST)
        for task_id, grace_ms in beat.cancels.items():
            grace_s = None if grace_ms is None else grace_ms / 1000
            self._tasks.stop(task_id, StopCause.CANCELLED, grace_s=grace_s)
        for task_id in beat.given_back:
            log.warning("task %s: its claim never reached this worker; given back", task_id)
        self._signals.pause(beat.is_paused, by=beat.paused_by)
        self._signals.obey(beat.command, by=beat.told_by)
        if beat.command == "stop":
            stop_now(self._tasks, self._signals, by=beat.told_by)
        self._signals.override_hours(beat.open_until_ms)
        self._signals.relabel(beat.labels)
        if beat.is_ticker != self.ticker.is_set():
            self._elect(beat.is_ticker)
        if beat.shape_count != self._shape_count:
            self._shape_count = beat.shape_count
            self._signals.notify()

    def _elect(self, is_ticker: bool) -> None:
        if is_ticker:
            self.ticker.set()
        else:
            self.ticker = anyio.Event()


def slices(tasks: list[Held], most: int) -> list[list[Held]]:
    """Return the tasks in parts of at most `most`; one empty part when there are none."""
    return [tasks[i : i + most] for i in range(0, len(tasks), most)] or [[]]
