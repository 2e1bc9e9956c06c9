"""Claims tasks while there is room for them, and parks the worker while there is none to claim."""

import logging
import secrets
from collections.abc import Callable

import anyio

from ..broker.claims import Claim
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.needs import Need, fits
from ..broker.orders import Profile
from ..broker.shapes import Shapes
from .capacity import Capacity, claimable, fitting
from .config import WorkerConfig
from .held import Held, HeldTasks, key_of
from .process import boot_clock
from .signals import Signals

log = logging.getLogger(__name__)

_BATCH = 64
_RETRY_S = 1.0


class Intake:
    """The loop that claims. Everything it starts, `start` owns."""

    def __init__(
        self,
        config: WorkerConfig,
        capacity: Capacity,
        tasks: HeldTasks,
        signals: Signals,
        leases: Leases,
        shapes: Shapes,
        start: Callable[[Held], None],
    ) -> None:
        self._config = config
        self._capacity = capacity
        self._tasks = tasks
        self._signals = signals
        self._leases = leases
        self._shapes = shapes
        self._start = start
        self._known: dict[str, Need] = {}
        self._claimed = 0
        self._shape_count = 0
        self._retry_nonce = ""
        self._asked_s = 0.0

    async def run(self) -> None:
        """Claim until the worker has drained: it claims no more and its tasks have ended.

        Where it starts anew, the tasks go on without it, so it returns at once.
        """
        while not (is_closed := self._is_closed()) or len(self._tasks):
            heard = self._signals.heard
            if self._signals.starts_anew:
                return
            if is_closed:
                await self._signals.news(since=heard)
                continue
            try:
                if self._signals.is_resting:
                    await self._stand_aside(heard)
                elif not await self._claim_some():
                    await self._rest(heard)
            except BrokerUnavailable as e:
                self._signals.outage.missed(e)
                await anyio.sleep(_RETRY_S)

    def _is_closed(self) -> bool:
        return bool(self._signals.draining) or 0 < self._config.max_tasks <= self._claimed

    async def _claim_some(self) -> bool:
        """Claim once. Return whether to claim again at once."""
        free = self._capacity.free
        if free.slots == 0 and free.gpus == 0:
            return False
        # Without a fitting shape it still asks: that parks it for the first task of a new one.
        shapes = fitting(self._known, free)
        # A reply that was lost is asked for again with the same nonce: nothing is claimed twice.
        if not self._retry_nonce:
            self._retry_nonce, self._asked_s = secrets.token_hex(8), boot_clock.now_s()
        claimed = await self._leases.claim(
            self._config.name,
            self._retry_nonce,
            limit=max(1, self._limit(shapes)),
            order=self._config.order,
            shapes=shapes,
            lease_ms=self._config.lease_ms,
            park=not self._config.once,
        )
        self._retry_nonce = ""
        self._signals.profile = (
            Profile(order=self._config.order, shapes=shapes).id if claimed.parked else ""
        )
        for claim in claimed.claims:
            self._take(claim)
        if (held_ms := claimed.hold_until_ms - claimed.server_ms) > 0:
            await anyio.sleep(held_ms / 1000)  # redis restarted: those who hold tasks come first
            return True
        reloaded = await self._reload(claimed.shape_count)
        return bool(claimed.claims) or claimed.again or reloaded

    def _limit(self, shapes: tuple[str, ...]) -> int:
        most = _BATCH
        if self._config.max_tasks:
            most = min(most, self._config.max_tasks - self._claimed)
        return claimable({s: self._known[s] for s in shapes}, self._capacity.free, most=most)

    def _take(self, claim: Claim) -> None:
        need = self._known.get(claim.shape)
        if need is None or not fits(need, self._capacity.free):
            log.warning("task %s: its shape was altered; a beat gives it back", claim.task_id)
            return
        if key_of(claim) in self._tasks:  # Redis came back older and hands out its fence again
            log.warning("task %s: its lost program still ends; a beat gives it back", claim.task_id)
            return
        gpus = self._capacity.take(key_of(claim), need)
        self._claimed += 1
        held = Held(claim, gpus, need)
        held.renew(self._asked_s)
        held.servers = self._signals.servers
        self._tasks.add(held)
        self._start(held)

    async def _reload(self, shape_count: int) -> bool:
        """Read the shapes again if there are new ones. Return whether there are."""
        if shape_count == self._shape_count:
            return False
        self._known = await self._shapes.all()
        self._shape_count = shape_count
        return True

    async def _rest(self, heard: int) -> None:
        """Wait until another claim could bring something."""
        if self._config.once and len(self._tasks) == 0:
            self._signals.drain("no task is ready")
            return
        await self._signals.news(since=heard)

    async def _stand_aside(self, heard: int) -> None:
        """Claim nothing until there is news: paused, or outside of the hours.

        A claim that was on its way when that began may have parked this worker, also one whose
        answer was lost: nobody is to wake it in place of one that would claim.
        """
        self._signals.profile = ""
        await self._leases.rest(self._config.name)
        if self._config.once and len(self._tasks) == 0:
            self._signals.drain(f"{self._signals.state}: no task may be taken")
            return
        await self._signals.news(since=heard)
