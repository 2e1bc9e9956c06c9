"""The keyring of a namespace, on the side of who owns it.

The newest one lies in the owner's own folder; Redis has a copy, which is put back when it was lost,
altered or rolled back.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio.to_thread

from .. import keys
from ..errors import TrustError
from ..keypair import KeyPair
from ..keyring import MAX_BYTES, Keyring, open_sealed, seal, with_key, without_key
from ..namespace import Namespace
from ..stored import stored_bytes
from ..trust import TrustFile, TrustFileError
from ..trusted_key import EVERY_QUEUE, TrustedKey, trusted_key
from .telling import tell_of_keyring

_NOT_YET: Final = 0


class Owner:
    """Signs the keyring. Any number of processes of one home may do so.

    Args:
        ns: with a login that may write the keyring.
        pair: of the owner.
        trust: file of the owner's machine, which trusts the keyring too.
    """

    def __init__(self, ns: Namespace, pair: KeyPair, trust: TrustFile) -> None:
        self._ns = ns
        self._admin = ns.redis
        self._pair = pair
        self._trust = trust

    @property
    def name(self) -> str:
        """Of whoever signs."""
        return self._pair.name

    @property
    def public(self) -> bytes:
        """Raw public key of whoever signs."""
        return self._pair.public

    async def open(self) -> Keyring:
        """Return the keyring; make one with the owner's own key when there is none."""
        self._trust.add_keeper(self._pair.public, self._pair.name, self._ns.name)
        async with self._locked():
            if (ring := await self._newest()) is None:
                own = trusted_key(self._pair.public, self._pair.name, EVERY_QUEUE)
                ring = with_key(None, own)
            await self._write(ring)
        return ring

    async def add(self, key: TrustedKey) -> int:
        """Let machines trust a key, for its queues; return the serial of the keyring.

        Raises:
            UsageError: the keyring is full.
        """
        return (await self._change(lambda ring: _with(ring, key))).serial

    async def remove(self, key_id: str) -> TrustedKey | None:
        """Let machines trust a key no more; return it, None if they did not."""
        found: list[TrustedKey] = []

        def change(ring: Keyring) -> Keyring:
            if (key := ring.find(key_id)) is None:
                return ring
            found.append(key)
            return without_key(ring, key)

        await self._change(change)
        if not found:
            return None
        await tell_of_keyring(self._ns)
        return found[0]

    async def serial(self) -> int:
        """Return the serial of the keyring; 0 without one."""
        ring = self._kept()
        return ring.serial if ring else _NOT_YET

    async def _change(self, change: Callable[[Keyring], Keyring]) -> Keyring:
        await self.open()
        async with self._locked():
            old = await self._newest()
            assert old is not None, "open() made one, and nobody deletes it"
            new = change(old)
            await self._write(new)
        return new

    async def _newest(self) -> Keyring | None:
        """Return the keyring of the highest serial: a home may come back from an old copy."""
        rings = [ring for ring in (self._kept(), await self._published()) if ring is not None]
        return max(rings, key=lambda ring: ring.serial, default=None)

    def _kept(self) -> Keyring | None:
        pair = self._pair
        try:
            return self._trust.kept.find(pair.key_id, pair.public, self._ns.name)
        except OSError as e:
            path = self._trust.kept.path(pair.key_id, self._ns.name)
            raise TrustFileError(path, e.strerror or str(e)) from e

    async def _published(self) -> Keyring | None:
        pair = self._pair
        try:
            key = keys.keyring(self._ns.prefix)
            content = await stored_bytes(self._ns.redis, key, most=MAX_BYTES)
            return open_sealed(
                content, keeper=pair.key_id, public=pair.public, namespace=self._ns.name
            )
        except TrustError:  # nothing, or of somebody else
            return None

    async def _write(self, ring: Keyring) -> None:
        """Write what is not there yet: first the own file, then Redis."""
        pair, kept = self._pair, self._trust.kept
        content = seal(ring, pair, self._ns.name)  # the same ring makes the same bytes
        path = kept.path(pair.key_id, self._ns.name)
        try:
            if kept.content(pair.key_id, self._ns.name) != content:
                kept.keep(pair.key_id, self._ns.name, content)
        except OSError as e:
            raise TrustFileError(path, e.strerror or str(e)) from e
        for key in (keys.keyring(self._ns.prefix), keys.keyring_copy(self._ns.prefix)):
            await self._publish(key, content)

    async def _publish(self, key: str, content: bytes) -> None:
        try:
            if await stored_bytes(self._ns.redis, key, most=MAX_BYTES) == content:
                return
        except TrustError:  # something else than bytes lies there
            await self._admin.delete(key)
        await self._admin.set(key, content)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        lock = self._trust.kept.locked(self._pair.key_id, self._ns.name)
        path = self._trust.kept.path(self._pair.key_id, self._ns.name)
        try:
            await anyio.to_thread.run_sync(lock.__enter__)
        except OSError as e:
            raise TrustFileError(path, e.strerror or str(e)) from e
        try:
            yield
        finally:
            lock.__exit__(None, None, None)


def _with(ring: Keyring, key: TrustedKey) -> Keyring:
    """Return the keyring with a key; the same one if it is there already."""
    return ring if ring.find(key.id) == key else with_key(ring, key)
