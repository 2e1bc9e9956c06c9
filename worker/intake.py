"""Claims tasks while there is room for them, and parks the worker while there is none to claim."""

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Final

import anyio

from ..broker.claims import Claim, Claimed
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.needs import Need, fits
from ..broker.orders import Profile
from ..broker.shapes import Shapes
from .capacity import Capacity
from .config import WorkerConfig
from .held import Held, HeldTasks, key_of
from .process import boot_clock
from .services.pace import Pace
from .signals import Signals
from .turns import Turn, light_turn, wide_turn

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_GATHER_S: Final = 0.003
"""While so many light tasks end that a claim of few is not worth its round trip."""
_LIGHT_TURNS: Final = 8
"""Claims of light tasks alone, one after the other, before the ordinary ones have a turn."""
_NO_PACE: Final = Pace(0)


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
        start: Callable[[Sequence[Held]], None],
        *,
        pace: Pace = _NO_PACE,
        is_behind: Callable[[], bool] = bool,
    ) -> None:
        """Args, where they don't say it by their names.

        start: gets what was claimed at once.
        pace: of light tasks.
        is_behind: whether so many ends wait to be told that more should not be made.
        """
        self._config = config
        self._capacity = capacity
        self._tasks = tasks
        self._signals = signals
        self._leases = leases
        self._shapes = shapes
        self._start = start
        self._pace = pace
        self._is_behind = is_behind
        self._light_turns = 0
        self._is_dry = False
        """Whether a claim of light tasks alone found too few a moment ago."""
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
                    self._is_dry = False
            except BrokerUnavailable as e:
                self._signals.outage.missed(e)
                await anyio.sleep(_RETRY_S)

    def _is_closed(self) -> bool:
        return bool(self._signals.draining) or 0 < self._config.max_tasks <= self._claimed

    async def _claim_some(self) -> bool:
        """Claim once. Return whether to claim again at once."""
        turn = self._turn()
        if turn is None or self._is_parked_for(turn):
            return False
        if turn.limit and not self._pace.is_worth_a_claim(turn.limit, len(self._tasks)):
            await self._gather()
            turn = self._turn() or turn
        claimed = await self._claim(turn)
        self._take(claimed.claims, turn)
        if (held_ms := claimed.hold_until_ms - claimed.server_ms) > 0:
            await anyio.sleep(held_ms / 1000)  # redis restarted: those who hold tasks come first
            return True
        reloaded = await self._reload(claimed.shape_count)
        self._note_turn(turn, claimed.claims)
        is_more = bool(claimed.claims) and not claimed.parked
        return is_more or claimed.again or reloaded or not turn.park

    async def _claim(self, turn: Turn) -> Claimed:
        # A reply that was lost is asked for again with the same nonce: nothing is claimed twice.
        # Until it is answered nobody knows whether the worker is parked.
        self._signals.profile, self._signals.may_claim = "", False
        if not self._retry_nonce:
            self._retry_nonce, self._asked_s = secrets.token_hex(8), boot_clock.now_s()
        claimed = await self._leases.claim(
            self._config.name,
            self._retry_nonce,
            limit=max(1, turn.limit),
            order=self._config.order,
            shapes=turn.shapes,
            lease_ms=self._config.lease_ms,
            park=turn.park and not self._config.once,
        )
        self._retry_nonce = ""
        self._signals.profile = (
            Profile(order=self._config.order, shapes=turn.shapes).id if claimed.parked else ""
        )
        return claimed

    def _turn(self) -> Turn | None:
        """Return what to ask for next; None: there is room for nothing."""
        most = self._config.max_tasks - self._claimed if self._config.max_tasks else None
        if self._is_behind():
            return None
        wide = wide_turn(self._known, self._capacity, most=most)
        is_next = self._light_turns or self._capacity.light_left <= 0
        if self._is_dry or (wide is not None and not is_next):
            return wide
        light = light_turn(self._known, self._capacity, ahead=self._pace.ahead(), most=most)
        if light is None or wide is None:
            return light or wide
        return light if light.limit > wide.limit else wide

    def _is_parked_for(self, turn: Turn) -> bool:
        """Return whether this worker will be woken for just that: then nothing is there now."""
        profile = self._signals.profile
        if not profile or self._signals.may_claim:
            return False
        return profile == Profile(order=self._config.order, shapes=turn.shapes).id

    def _note_turn(self, turn: Turn, claims: Sequence[Claim]) -> None:
        if turn.is_light:
            self._is_dry = len(claims) < turn.limit
            self._light_turns = 0 if self._is_dry else self._light_turns - 1
        elif 0 < turn.limit <= len(claims) and any(map(self._is_light, claims)):
            self._light_turns, self._is_dry = _LIGHT_TURNS, False

    def _is_light(self, claim: Claim) -> bool:
        need = self._known.get(claim.shape)
        return need is not None and need.light

    async def _gather(self) -> None:
        """Wait a moment for more room."""
        heard = self._signals.heard
        with anyio.move_on_after(_GATHER_S):
            await self._signals.news(since=heard)

    def _take(self, claims: Sequence[Claim], turn: Turn) -> None:
        """Hold what was claimed, and start it."""
        taken = [held for claim in claims if (held := self._book(claim, turn.ahead))]
        if taken:
            self._claimed += len(taken)
            self._tasks.add(*taken)
            self._start(taken)

    def _book(self, claim: Claim, ahead: int) -> Held | None:
        """Return what is held of a claim; None: it can't be, and a beat gives it back."""
        need, key = self._known.get(claim.shape), key_of(claim)
        if key in self._tasks:  # Redis came back older and hands out its fence again
            log.warning("task %s: its lost program still ends; a beat gives it back", claim.task_id)
            return None
        gpus = None
        if need is not None and need.light:
            gpus = self._capacity.take_light(key, need, ahead=ahead)
        elif need is not None and fits(need, self._capacity.free):
            gpus = self._capacity.take(key, need)
        if need is None or gpus is None:
            log.warning("task %s: its shape was altered; a beat gives it back", claim.task_id)
            return None
        held = Held(claim, gpus, need)
        held.renew(self._asked_s)
        held.servers = self._signals.servers
        return held

    async def _reload(self, shape_count: int) -> bool:
        """Read the shapes again if there are new ones. Return whether there are."""
        if shape_count == self._shape_count:
            return False
        self._known = await self._shapes.all()
        self._shape_count = shape_count
        return True

    async def _rest(self, heard: int) -> None:
        """Wait until another claim could bring something."""
        if self._config.once and len(self._tasks) == 0 and not self._is_behind():
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
