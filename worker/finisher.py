"""Delivers the ends of tasks to Redis: in batches, until it has them."""

from collections import deque
from collections.abc import Callable

import anyio

from ..broker.claims import Finish, FinishCode
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from .outage import Outage

_BATCH = 200
_RETRY_S = 0.5
_REPLAY_S = 60.0
"""A Redis that comes back with an older state may have lost the last second of an append-only
file, or what an asynchronous replica had not seen; `finish` may be sent twice without harm."""


_RECENT_S = 5.0
"""So shortly before Redis was seen last: it may have lost the task together with its end."""
Retell = Callable[[FinishCode, bool], None]


class _Pending:
    def __init__(self, finish: Finish, retell: Retell) -> None:
        self.finish = finish
        self.retell = retell
        self.delivered = anyio.Event()
        self.code = FinishCode.GONE
        self.sent_at_s = 0.0
        self.is_recent = False

    @property
    def is_replay(self) -> bool:
        return self.delivered.is_set()


class Finisher:
    """One per worker."""

    def __init__(self, leases: Leases, outage: Outage | None = None) -> None:
        """`outage` is told when Redis does not take them."""
        self._leases = leases
        self._outage = outage or Outage()
        self._pending: list[_Pending] = []
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        """Set, and replaced, when Redis has answered for some."""
        self._replaying = anyio.Event()
        """Set, and replaced, when some are sent again: Redis is there, and holds claims briefly."""
        self._sent: deque[_Pending] = deque()

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
        pending = _Pending(finish, retell)
        self._add(pending)
        await pending.delivered.wait()
        return pending.code

    def replay(self) -> None:
        """Send the finishes of the last minute again: Redis may have lost them."""
        self._forget_old()
        sent, self._sent = self._sent, deque()
        for pending in sent:
            pending.is_recent = pending.sent_at_s >= self._outage.answered_at_s - _RECENT_S
            self._add(pending)
        self._replaying.set()
        self._replaying = anyio.Event()

    async def replayed(self) -> None:
        """Return when Redis has answered for all that is sent again."""
        while any(pending.is_replay for pending in self._pending):
            await self._settled.wait()

    async def run(self) -> None:
        """Deliver forever."""
        while True:
            await self._wanted.wait()
            batch = self._pending[:_BATCH]
            try:
                codes = await self._leases.finish([p.finish for p in batch])
            except BrokerUnavailable as e:
                self._outage.missed(e)
                with anyio.move_on_after(_RETRY_S):
                    await self._replaying.wait()
                continue
            self._settle(batch, codes)

    def _add(self, pending: _Pending) -> None:
        self._pending.append(pending)
        self._wanted.set()

    def _settle(self, batch: list[_Pending], codes: list[FinishCode]) -> None:
        del self._pending[: len(batch)]
        if not self._pending:
            self._wanted = anyio.Event()
        now_s = self._outage.now_s()
        for pending, code in zip(batch, codes, strict=True):
            is_safe = pending.is_replay and code is FinishCode.REPLAY
            if code in (FinishCode.APPLIED, FinishCode.REPLAY) and not is_safe:
                pending.sent_at_s = now_s
                self._sent.append(pending)
            if pending.is_replay:
                pending.retell(code, pending.is_recent)
            pending.code = code
            pending.delivered.set()
        self._settled.set()
        self._settled = anyio.Event()
        self._forget_old()

    def _forget_old(self) -> None:
        """Forget what was sent a minute before Redis answered last: it may be away for long."""
        oldest_s = self._outage.answered_at_s - _REPLAY_S
        while self._sent and self._sent[0].sent_at_s < oldest_s:
            self._sent.popleft()
