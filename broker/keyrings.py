"""Follows the keyrings of a namespace: Redis has the newest, this machine keeps what it verified."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TypeVar

import anyio

from . import keys
from .errors import AccessDenied, BrokerRefused, BrokerUnavailable, TrustError
from .keyring import MAX_BYTES, keeper_of, open_sealed
from .namespace import Namespace
from .stored import stored_bytes
from .trust import Keeper, TrustFile, TrustFileError, UnknownKeyError

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

EVERY_S: Final = 60.0
APART_S: Final = 1.0
"""Between two looks that unknown keys ask for: whoever writes tasks could ask at any rate."""


class Keyrings:
    """The keyrings of one namespace, on one machine.

    Args:
        ns: where they are read.
        trust: names the keepers; without one nothing is read.
        warn: told once of each keyring that is not usable.
    """

    def __init__(
        self, ns: Namespace, trust: TrustFile, *, warn: Callable[[str], None] = log.warning
    ) -> None:
        self._ns = ns
        self._trust = trust
        self._warn = warn
        self._told = ""
        self._began_s = float("-inf")
        self._lock = anyio.Lock()
        self._news = anyio.Event()

    async def refresh(self) -> bool:
        """Look at Redis once; return whether what this machine trusts has changed.

        Raises:
            BrokerUnavailable: Redis is away, or does not let this login read it.
            TrustFileError: this machine's files can't be read or written.
        """
        self._began_s = time.monotonic()
        keepers = {keeper.id: keeper for keeper in self._trust.keepers(self._ns.name)}
        if not keepers:
            return False
        try:
            content = await self._content()
            changed = bool(content) and self._take(keepers.get(keeper_of(content)), content)
        except TrustFileError:
            raise
        except TrustError as e:
            self._tell(f"the keyring in redis is not used: {e}; the last good one counts")
            return False
        self._told = ""
        return changed

    async def with_news(self, step: Callable[[], Awaitable[_Result]]) -> _Result:
        """Return what step returns; if it meets an unknown key, look at Redis and try once more.

        Raises:
            BrokerUnavailable, TrustFileError: see refresh(); and whatever step raises.
        """
        try:
            return await step()
        except UnknownKeyError:
            await self._refresh_since(time.monotonic())
        return await step()

    def hint(self) -> None:
        """Somebody says that there is a new keyring: follow() looks soon. Anybody may say so."""
        self._news.set()

    async def rest(self, most_s: float) -> None:
        """Wait so long, or until there is a hint; never less than APART_S."""
        with anyio.move_on_after(most_s - APART_S):
            await self._news.wait()
        self._news = anyio.Event()
        await anyio.sleep(APART_S)

    async def look(self) -> None:
        """Look at Redis once; a trouble is told once, and what is known counts on."""
        try:
            await self.refresh()
        except (BrokerUnavailable, TrustFileError) as e:
            self._tell(f"keyring: {e}")

    async def _refresh_since(self, asked_s: float) -> None:
        """Look at Redis, unless that was begun by somebody else after it was asked for."""
        async with self._lock:
            if self._began_s >= asked_s or not self._trust.keepers(self._ns.name):
                return
            await anyio.sleep(max(0.0, self._began_s + APART_S - time.monotonic()))
            try:
                await self.refresh()
            except BrokerRefused as e:  # it will say so again; what is known counts
                self._tell(f"keyring: {e}")

    async def _content(self) -> bytes:
        """Return what lies in Redis, from anybody."""
        redis, p = self._ns.redis, self._ns.prefix
        try:
            return await stored_bytes(redis, keys.keyring(p), most=MAX_BYTES)
        except AccessDenied:  # who submits sees no protected key
            return await stored_bytes(redis, keys.keyring_copy(p), most=MAX_BYTES)

    def _take(self, keeper: Keeper | None, content: bytes) -> bool:
        """Keep a keyring that is newer than the one that is kept."""
        if keeper is None:
            raise TrustError("nobody signed it whom this machine trusts with that")
        name, kept = self._ns.name, self._trust.kept
        ring = open_sealed(content, keeper=keeper.id, public=keeper.public, namespace=name)
        try:
            with kept.locked(keeper.id, name):
                old = kept.find(keeper.id, keeper.public, name)
                least = max(keeper.serial, old.serial if old else 0)
                if ring.serial < least:
                    raise TrustError(f"its serial is {ring.serial}, and {least} was seen before")
                if old is not None and ring.serial == old.serial:
                    return False
                kept.keep(keeper.id, name, content)
        except OSError as e:
            raise TrustFileError(kept.path(keeper.id, name), e.strerror or str(e)) from e
        return True

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            self._warn(problem)


async def follow(keyrings: Keyrings, *, every_s: float = EVERY_S) -> NoReturn:
    """Look at the keyring again and again, and soon after a hint."""
    while True:
        await keyrings.look()
        await keyrings.rest(every_s)
