"""What time brings about, and what happens when Redis comes back."""

import secrets
from typing import Final

import msgspec

from . import retention
from .decoding import text
from .namespace import Namespace

LIMIT: Final = 500


class Ticked(msgspec.Struct, frozen=True, kw_only=True):
    """What one tick did."""

    reaped: int
    """Tasks whose lease ran out."""
    promoted: int
    """Delayed tasks that became due."""
    expired: int
    """Tasks that waited too long."""
    purged: int
    """Workers forgotten."""
    woken: int
    more: bool
    """A limit was reached: there is more to do now."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What a new connection learns."""

    server_ms: int
    hold_claims_until_ms: int
    """Above server_ms: Redis restarted, and whoever holds a task says so first."""
    birth: str
    """What the namespace is known by: another one is a Redis that came back with nothing."""


class Ticks:
    """The clockwork of a namespace."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def tick(self, *, lease_ms: int, limit: int = LIMIT) -> Ticked:
        """Reap, promote, expire, forget; each at most `limit` times."""
        reply = await self._ns.scripts.tick(
            [limit, lease_ms, retention.RECORD_MS, retention.LOG_MS]
        )
        reaped, promoted, expired, purged, woken, more = reply
        return Ticked(
            reaped=reaped,
            promoted=promoted,
            expired=expired,
            purged=purged,
            woken=woken,
            more=bool(more),
        )

    async def hello(self, run_id: str, *, lease_ms: int, beat_ms: int) -> Hello:
        """Tell which Redis answers. Call it first on every new connection of a worker.

        Args:
            run_id: of the server, as INFO tells it; a new one means that it restarted.
            lease_ms: reaping waits so long after a restart.
            beat_ms: claims wait for two of these after a restart.
        """
        reply = await self._ns.scripts.hello([run_id, lease_ms, beat_ms, secrets.token_hex(8)])
        now_ms, held_until_ms, birth = reply
        return Hello(server_ms=now_ms, hold_claims_until_ms=held_until_ms, birth=text(birth))
