"""Puts the code of tasks on this machine's disk; fetches what it does not have."""

from collections import OrderedDict
from functools import partial
from pathlib import Path

import anyio.to_thread

from ..broker.blobs import Blobs
from ..broker.definition import Code
from ..broker.errors import SnapshotError
from ..broker.snapshot.store import is_stored, signed_bytes
from ..broker.snapshot.unpack import unpack
from .patience import patiently

_KEPT_BYTES = 16 * 1024 * 1024
_SMALL_BYTES = 256 * 1024


class Snapshots:
    """One per worker. Packs are kept on the disk, indexed; single files in memory."""

    def __init__(self, blobs: Blobs, cache: Path) -> None:
        self._blobs = blobs
        self._cache = cache
        self._files: OrderedDict[str, bytes] = OrderedDict()

    async def put(self, code: Code, tree: Path) -> None:
        """Write the files of a snapshot into a folder that does not exist yet.

        Raises:
            TrustError: the content is not what was signed.
            SnapshotError: it is gone, malformed, or too large.
        """
        content = None if is_stored(code, self._cache) else await self._content(code)
        step = partial(unpack, code, content, tree, cache=self._cache)
        if code.form == "file" and code.size_bytes <= _SMALL_BYTES:
            step()  # sooner done than handed to a thread
        else:
            await anyio.to_thread.run_sync(step)

    async def content_here(self, code: Code, tree: Path) -> bytes | None:
        """Return the very bytes that were signed, if this machine has them still.

        `tree` is where they were unpacked; a task may have changed them there.
        """
        kept = self._files.get(code.blob)
        return kept or await anyio.to_thread.run_sync(signed_bytes, code, self._cache, tree)

    async def _content(self, code: Code) -> bytes:
        if (kept := self._files.get(code.blob)) is not None:
            self._files.move_to_end(code.blob)
            return kept
        fetch = partial(self._blobs.get, code.blob, size_bytes=code.size_bytes)
        content = await patiently(fetch, what="snapshot")
        if content is None:
            raise SnapshotError(
                f"snapshot {code.blob[:12]} is no longer in redis: submit the task again"
            )
        if code.form == "file":
            self._keep(code.blob, content)
        return content

    def _keep(self, blob: str, content: bytes) -> None:
        self._files[blob] = content
        while sum(map(len, self._files.values())) > _KEPT_BYTES:
            self._files.popitem(last=False)
