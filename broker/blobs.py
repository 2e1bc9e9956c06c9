"""Content-addressed bytes: code packs and small artifacts.

A new blob lives one hour; a definition that refers to it makes it stay (enqueue.lua).
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from . import keys
from .errors import TrustError
from .namespace import Namespace
from .stored import stored_bytes

TTL_S: Final = 3600
"""How long a blob waits for a definition. Each look or upload starts the hour again."""


class Blobs:
    """Stores and returns bytes by their SHA-256."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Return the digests that are not stored; what is stored stays for another hour."""
        kept = await self._keep(digests)
        return [d for d, is_there in zip(digests, kept, strict=True) if not is_there]

    async def put(self, digest: str, content: bytes) -> None:
        """Store content under its digest; it may be there already.

        Raises:
            TrustError: content has another digest.
        """
        _check(digest, content)
        key = keys.blob(self._ns.prefix, digest)
        if not await self._ns.redis.set(key, content, nx=True, ex=TTL_S):
            # Not EXPIRE: it would give a TTL to a blob that a definition refers to.
            (is_there,) = await self._keep([digest])
            if not is_there:  # it ran out in between
                await self._ns.redis.set(key, content, nx=True, ex=TTL_S)

    async def get(self, digest: str, *, size_bytes: int) -> bytes | None:
        """Return the content, None if it is not stored.

        Args:
            digest: its SHA-256.
            size_bytes: as who put it there says; no more is read.

        Raises:
            TrustError: what is stored is not what was put there.
        """
        key = keys.blob(self._ns.prefix, digest)
        content = await stored_bytes(self._ns.redis, key, most=size_bytes)
        if not content and not await self._ns.redis.exists(key):
            return None
        _check(digest, content)
        return content

    async def _keep(self, digests: Sequence[str]) -> list[bool]:
        if not digests:
            return []
        replies = await self._ns.scripts.keep_blobs([TTL_S * 1000, *digests])
        return [bool(reply) for reply in replies]


def _check(digest: str, content: bytes) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != digest:
        raise TrustError(
            f"blob {digest}: its content has the digest {actual}; it was altered or cut short,"
            " submit the task again"
        )
