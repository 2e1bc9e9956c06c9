"""The registrar: lets machines in that come with a token. It runs where the server runs."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import anyio

from .. import keys
from ..decoding import text
from ..errors import BrokerUnavailable, KeyMisused, TrustError
from ..keypair import KeyPair
from ..namespace import Namespace
from ..streams import START, Entry
from ..trust import TrustFile
from .admission import Admission
from .clock import now_ms
from .owner import Owner
from .records import MAX_OPEN_TOKENS, TokenRecord
from .tokens import BELL, Tokens

log = logging.getLogger(__name__)

BLOCK_MS: Final = 30_000
"""The blocking connection's timeout must lie above it."""
_RETRY_S: Final = 1.0
_BATCH: Final = 16
_MOST_ENTRIES: Final = 256
"""Of one token's stream: who writes more means no good."""


class Registrar:
    """One loop. Any number may run at once: each step is done once, or is the same when repeated.

    Args:
        ns: with the login of whoever runs the server.
        blocking: the same, on a connection of its own whose timeout lies above BLOCK_MS.
        pair: signs the keyring.
        trust: file of this machine, which trusts the keyring from now on.
    """

    def __init__(self, ns: Namespace, blocking: Namespace, pair: KeyPair, trust: TrustFile) -> None:
        self._ns = ns
        self._admin = ns.redis
        self._blocking = blocking
        self._owner = Owner(ns, pair, trust)
        self._tokens = Tokens(ns)
        self._admission = Admission(ns, self._owner, self._tokens)
        self._read: dict[str, str] = {}
        """Last entry that was read of each stream."""

    async def prepare(self) -> None:
        """Take back what has expired, and put the keyring in place: before anybody can come.

        Raises:
            BrokerUnavailable: Redis is away, or does not let this login do so.
        """
        await self._tokens.sweep()
        await self._owner.open()

    async def run(self, *, ready: Callable[[], None] = lambda: None) -> NoReturn:
        """Prepare, then let in who comes, forever. A missing Redis is told and waited for."""
        is_prepared = False
        while True:
            try:
                await self.prepare()
                if not is_prepared:
                    is_prepared = True
                    ready()
                await self._hear_once()
            except KeyMisused:
                await self._clear_streams()
            except BrokerUnavailable as e:
                log.warning("join: %s; next try in %.0f s", e, _RETRY_S)
                await anyio.sleep(_RETRY_S)

    async def _hear_once(self) -> None:
        """Wait for the first message, or until a token expires, and act on what there is."""
        opened = dict(list((await self._tokens.open()).items())[:MAX_OPEN_TOKENS])
        self._read = {name: self._read.get(name, START) for name in (BELL, *opened)}
        p = self._ns.prefix
        streams = {keys.join(p, name): last for name, last in self._read.items()}
        replies: Any = await self._blocking.redis.xread(
            streams,  # type: ignore[arg-type]
            count=_BATCH,
            block=await self._patience_ms(opened),
        )
        for stream, entries in replies:
            name = text(stream).removeprefix(keys.join(p, ""))
            self._read[name] = text(entries[-1][0])
            if name != BELL:
                await self._hear(name, opened[name], entries)

    async def _clear_streams(self) -> None:
        """Remove what is not a stream: a login that may write there must not keep others out."""
        for name in self._read:
            key = keys.join(self._ns.prefix, name)
            if text(await self._ns.redis.type(key)) in ("stream", "none"):
                continue
            log.warning("join: %s was no stream, and is removed", key)
            await self._admin.delete(key)

    async def _hear(self, token_id: str, record: TokenRecord, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                await self._admission.hear(token_id, record, entry)
            except TrustError as e:
                log.error("join: token %s: %s", token_id, e)
        length: int = await self._ns.redis.xlen(keys.join(self._ns.prefix, token_id))
        if length > _MOST_ENTRIES:
            log.warning("join: token %s: taken back: %d messages", token_id, length)
            await self._tokens.revoke(token_id)

    async def _patience_ms(self, opened: Mapping[str, TokenRecord]) -> int:
        """Return how long to wait at most, so that tokens go when they have expired."""
        now = await now_ms(self._ns)
        next_ms = min((record.expires_ms for record in opened.values()), default=now + BLOCK_MS)
        return max(1, min(next_ms - now, BLOCK_MS))
