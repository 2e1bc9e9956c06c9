"""Delivers the ends of tasks to Redis: in batches, until it has them.

One call is on its way at a time, and the next one takes all that came meanwhile: so an end waits
for no timer, and a flood of ends makes large batches.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import anyio

from ..broker.claims import Finish, FinishCode
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from .outage import Outage

_BATCH = 400
"""Two calls of the script, in one round trip."""
_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of results in it, and one more: Redis answers nobody else while it takes them."""
_RETRY_S = 0.5
_REPLAY_S = 60.0
"""A Redis that comes back with an older state may have lost the last second of an append-only
file, or what an asynchronous replica had not seen; `finish` may be sent twice without harm."""
_MOST_LIGHT: Final = 50_000
"""Ends of light tasks that are kept to be told again, the newest: a few seconds of a worker at its
limit, more than Redis can lose of them, and some 30 MiB."""
_MOST_LIGHT_BYTES: Final = 32 * 1024 * 1024
"""Of their results."""
_RECENT_S = 5.0
"""So shortly before Redis was seen last: it may have lost the task together with its end."""
Retell = Callable[[FinishCode, bool], None]


Told = Sequence[tuple[Finish, FinishCode]]


class _Pending:
    __slots__ = (
        "code",
        "delivered",
        "finish",
        "heard",
        "is_recent",
        "is_replay",
        "retell",
        "sent_at_s",
    )

    def __init__(
        self,
        finish: Finish,
        *,
        retell: Retell | None = None,
        heard: Callable[[Told], None] | None = None,
    ) -> None:
        self.finish = finish
        self.retell = retell
        self.heard = heard
        """Set for a light task."""
        self.delivered: anyio.Event | None = None
        self.code = FinishCode.GONE
        self.sent_at_s = 0.0
        self.is_recent = False
        self.is_replay = False


class Finisher:
    """One per worker."""

    def __init__(self, leases: Leases, outage: Outage | None = None) -> None:
        """`outage` is told when Redis does not take them."""
        self._leases = leases
        self._outage = outage or Outage()
        self._pending: deque[_Pending] = deque()
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        """Set, and replaced, when Redis has answered for some."""
        self._replaying = anyio.Event()
        """Set, and replaced, when some are sent again: Redis is there, and holds claims briefly."""
        self._replays = 0
        """How many of those that wait are sent again."""
        self._sent: deque[_Pending] = deque()
        self._sent_light: deque[_Pending] = deque()
        self._light_bytes = 0
        """Of the results in there."""

    @property
    def waiting(self) -> int:
        """How many ends Redis has not taken yet."""
        return len(self._pending)

    async def deliver(
        self, finish: Finish, *, retell: Retell = lambda code, is_recent: None
    ) -> FinishCode:
        """Return what Redis said of a finish, however long Redis is away.

        `retell` is called with what it says when it is told again (see replay()), and whether
        that was for the first time a moment before Redis went away.
        """
        pending = _Pending(finish, retell=retell)
        pending.delivered = anyio.Event()
        self._add(pending)
        await pending.delivered.wait()
        return pending.code

    def hand_in(self, finishes: Sequence[Finish], heard: Callable[[Told], None]) -> None:
        """Deliver the ends of light tasks, however long Redis is away.

        They are told again, too; what Redis says then is not passed on: nothing is left of a
        light task by which more could be told of it than its end.

        Args:
            finishes: with bare tokens as claims; they are kept for a while.
            heard: called with what Redis said, once for each, many at a time.
        """
        self._pending.extend([_Pending(finish, heard=heard) for finish in finishes])
        if self._pending:
            self._wanted.set()

    def replay(self) -> None:
        """Send the finishes of the last minute again: Redis may have lost them."""
        self._forget_old()
        for sent in (self._sent, self._sent_light):
            while sent:
                pending = sent.popleft()
                pending.is_recent = pending.sent_at_s >= self._outage.answered_at_s - _RECENT_S
                pending.is_replay = True
                self._replays += 1
                self._add(pending)
        self._light_bytes = 0
        self._replaying.set()
        self._replaying = anyio.Event()

    async def replayed(self) -> None:
        """Return when Redis has answered for all that is sent again."""
        while self._replays:
            await self._settled.wait()

    async def run(self) -> None:
        """Deliver forever."""
        while True:
            await self._wanted.wait()
            batch = self._next_batch()
            try:
                codes = await self._leases.finish([p.finish for p in batch])
            except BrokerUnavailable as e:
                self._outage.missed(e)
                with anyio.move_on_after(_RETRY_S):
                    await self._replaying.wait()
                continue
            self._settle(batch, codes)

    def _next_batch(self) -> list[_Pending]:
        batch, size_bytes = [], 0
        for pending in islice(self._pending, _BATCH):
            batch.append(pending)
            size_bytes += len(pending.finish.result)
            if size_bytes > _BATCH_BYTES:
                break
        return batch

    def _add(self, pending: _Pending) -> None:
        self._pending.append(pending)
        self._wanted.set()

    def _settle(self, batch: list[_Pending], codes: list[FinishCode]) -> None:
        for _ in batch:
            self._pending.popleft()
        if not self._pending:
            self._wanted = anyio.Event()
        now_s = self._outage.now_s()
        light: dict[Callable[[Told], None], list[tuple[Finish, FinishCode]]] = {}
        for pending, code in zip(batch, codes, strict=True):
            is_safe = pending.is_replay and code is FinishCode.REPLAY
            if code in (FinishCode.APPLIED, FinishCode.REPLAY) and not is_safe:
                pending.sent_at_s = now_s
                self._keep(pending)
            self._replays -= pending.is_replay
            if pending.is_replay and pending.retell is not None:
                pending.retell(code, pending.is_recent)
            elif pending.heard is not None and not pending.is_replay:
                light.setdefault(pending.heard, []).append((pending.finish, code))
            pending.code = code
            if pending.delivered is not None:
                pending.delivered.set()
        for heard, told in light.items():
            heard(told)
        self._settled.set()
        self._settled = anyio.Event()
        self._forget_old()

    def _keep(self, pending: _Pending) -> None:
        """Keep an end to be told again."""
        if pending.heard is None:
            self._sent.append(pending)
            return
        self._sent_light.append(pending)
        self._light_bytes += len(pending.finish.result)
        while len(self._sent_light) > _MOST_LIGHT or self._light_bytes > _MOST_LIGHT_BYTES:
            self._light_bytes -= len(self._sent_light.popleft().finish.result)

    def _forget_old(self) -> None:
        """Forget what was sent a minute before Redis answered last: it may be away for long."""
        oldest_s = self._outage.answered_at_s - _REPLAY_S
        while self._sent and self._sent[0].sent_at_s < oldest_s:
            self._sent.popleft()
        while self._sent_light and self._sent_light[0].sent_at_s < oldest_s:
            self._light_bytes -= len(self._sent_light.popleft().finish.result)
