"""Writes final tasks into the archive, and only then says so to Redis.

Order: definitions and blobs, then the segment, then the note in Redis that lets a task be purged.
Whoever dies in between leaves at worst files that the next one writes again: a segment's name is
the digest of its content.
"""

import time
from collections.abc import Sequence
from typing import Final

import anyio.to_thread
import msgspec

from ..errors import ArchiveUnavailable
from ..namespace import Namespace
from ..pacing import next_limit
from ..purging import COLLECTED, Collected, Purging
from . import layout, segment
from .contents import Contents
from .copies import TaskCopy
from .gathering import gather
from .marking import need_archive, open_archive
from .store import ArchiveStore

SEGMENT_TASKS: Final = 1000
SEGMENT_BYTES: Final = 32 * 1024 * 1024
"""A segment is closed when its tasks are this large, before compression."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did."""

    tasks: int
    """Copies that are in the archive now."""
    noted: int
    """Those of them that did not change meanwhile: they may be purged."""
    more: bool
    """There is more to write now."""


class Writer:
    """Writes what Redis has and the archive lacks."""

    def __init__(self, ns: Namespace, store: ArchiveStore) -> None:
        self._ns = ns
        self._store = store
        self._purging = Purging(ns)
        self._contents = Contents(ns, store)
        self._limit = COLLECTED

    async def write(self, *, tasks: int = SEGMENT_TASKS) -> Written:
        """Archive up to about so many tasks.

        Raises:
            ArchiveUnavailable: the archive can't be written; nothing is lost or purged.
            BrokerUnavailable: nor then.
        """
        await open_archive(self._ns, self._store)
        collected, more = await self._collect(tasks)
        try:
            written, noted = await self._archive(collected)
        except ArchiveUnavailable:
            await self._purging.give_back(collected)
            raise
        return Written(tasks=written, noted=noted, more=more)

    async def _archive(self, collected: Sequence[Collected]) -> tuple[int, int]:
        """Write all that was collected; return how many tasks were written, and noted."""
        written = noted = 0
        copies: list[TaskCopy] = []
        done: list[Collected] = []
        length = 0
        async for task, copy in gather(self._ns, collected):
            copies.append(copy)
            done.append(task)
            length += _size(copy)
            if length >= SEGMENT_BYTES:
                noted += await self._close(copies, done)
                written += len(copies)
                copies, done, length = [], [], 0
        if copies:
            noted += await self._close(copies, done)
            written += len(copies)
        return written, noted

    async def _collect(self, tasks: int) -> tuple[list[Collected], bool]:
        """Return about so many tasks, and whether there are more; in smaller calls where slow."""
        collected: list[Collected] = []
        more = True
        while more and len(collected) < tasks:
            started_s = time.monotonic()
            found, more = await self._purging.collect(self._limit)
            self._limit = next_limit(self._limit, time.monotonic() - started_s, most=COLLECTED)
            collected += found
        return collected, more

    async def _close(self, copies: Sequence[TaskCopy], tasks: Sequence[Collected]) -> int:
        """Write one segment and note its tasks; return how many were noted."""
        digests = {copy.task.get(b"definition", b"").decode("ascii", "replace") for copy in copies}
        await self._contents.keep(digests - {""})
        await anyio.to_thread.run_sync(self._put, copies)
        await need_archive(self._store)  # what it wrote must not lie below a mount point
        return await self._purging.note_archived(tasks)

    def _put(self, copies: Sequence[TaskCopy]) -> None:
        name, content = segment.encode(self._ns.name, copies)
        self._store.put(f"{layout.segments(self._ns.name)}/{name}", content)


def _size(copy: TaskCopy) -> int:
    """Return about how large a copy is, in bytes."""
    streams = [copy.scalars, *copy.logs.values()]
    entries = sum(len(v) for stream in streams for _, fields in stream for v in fields.values())
    return 512 + len(copy.envelope) + len(copy.result) + entries
