"""Copies definitions and blobs into the archive, each once."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import anyio.to_thread
import msgspec

from .. import keys
from ..decoding import text
from ..definition import Definition, digest
from ..errors import TrustError
from ..namespace import Namespace
from ..stored import stored_bytes
from . import layout
from .store import ArchiveStore

log = logging.getLogger(__name__)

_KNOWN: Final = 100_000
_MOST_BYTES: Final = 512 * 1024 * 1024
"""Longer than any STRING of Redis by default."""


class Contents:
    """What is content-addressed: written before any segment that refers to it."""

    def __init__(self, ns: Namespace, store: ArchiveStore) -> None:
        self._ns = ns
        self._store = store
        self._known: OrderedDict[str, None] = OrderedDict()

    async def keep(self, definitions: Iterable[str]) -> None:
        """Make sure that the archive has these definitions and their blobs.

        One that Redis lost, or that was altered there, can't be kept: it is told and passed over.

        Raises:
            ArchiveUnavailable: the archive can't be written.
        """
        for address in sorted(set(definitions)):
            if address in self._known:
                self._known.move_to_end(address)
                continue
            encoded = await self._copy(address, keys.definition(self._ns.prefix, address))
            for blob in await self._blobs(address, encoded):
                await self._copy(blob, keys.blob(self._ns.prefix, blob))
            self._known[address] = None
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    async def _copy(self, address: str, key: str) -> bytes:
        """Copy what lies under a key, if it is what its address says; return it."""
        try:
            content = await stored_bytes(self._ns.redis, key, most=_MOST_BYTES)
        except TrustError as e:
            log.warning("not archived: %s", e)
            return b""
        if digest(content) != address:
            # An empty content has a digest too, and absence reads as empty.
            log.warning("not archived: %s is %s", key, "altered" if content else "gone")
            return b""
        path = layout.content(self._ns.name, address)  # a digest, or it were not equal
        await anyio.to_thread.run_sync(self._put_new, path, content)
        return content

    def _put_new(self, path: str, content: bytes) -> None:
        if self._store.size(path) != len(content):
            self._store.put(path, content)

    async def _blobs(self, address: str, encoded: bytes) -> list[str]:
        counted = await self._ns.redis.hget(keys.references(self._ns.prefix), f"blobs:{address}")
        found = set(text(counted).split()) if counted else set()
        with suppress(ValueError):  # of another version: what is counted is copied
            found.add(msgspec.msgpack.decode(encoded, type=Definition).code.blob)
        return sorted(found)
