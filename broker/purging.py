"""How final tasks leave Redis: collected for the archive, noted as archived, purged."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from . import blobs
from .decoding import text
from .errors import TaskError, TaskNotFound
from .keys import TaskId
from .namespace import Namespace

COLLECTED: Final = 50
"""Tasks in one call of collect.lua: 2 ms of the server, for which every claim waits."""
PURGED: Final = 50
"""Tasks in one call of purge.lua: the same."""
LEASE_MS: Final = 120_000
"""How long what one archiver collected is left alone by others."""
SMALL_BYTES: Final = 16 * 1024
"""Envelopes and results up to so large come with the record."""
HASH_BYTES: Final = 1024 * 1024
"""Most of a record's short or long fields."""

_NOTED: Final = 200
_RETRY_MS: Final = 3600 * 1000
_KEEP_MS: Final = 24 * 3600 * 1000


class Collected(msgspec.Struct, frozen=True, array_like=True):
    """A final task as collect.lua answers: see there. Nothing in it is checked."""

    id: bytes
    state: bytes
    finished_ms: bytes
    edits: bytes
    """How often its labels were changed after its end; empty: never."""
    task: list[bytes]
    extra: list[bytes]
    history: list[bytes]
    need: bytes
    envelope: bytes
    envelope_bytes: int
    result: bytes
    result_bytes: int
    fences: list[int]
    scalars: int
    cut: list[bytes]

    @property
    def task_id(self) -> TaskId:
        """The task."""
        return TaskId(text(self.id))


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of purge.lua did."""

    purged: int
    unarchived: int
    """Due, but the archive lacks them yet."""
    needed: int
    """Due, but a live child needs them."""
    dropped: int
    """Not final, or without a readable record: forgotten by the index of what to purge."""
    more: bool
    """The limit was reached: there may be more to do now."""


class Purging:
    """The way of final tasks out of Redis."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def collect(
        self, limit: int = COLLECTED, *, lease_ms: int = LEASE_MS
    ) -> tuple[list[Collected], bool]:
        """Take up to `limit` tasks that the archive lacks, and say whether there may be more.

        Args:
            limit: 1 to 100.
            lease_ms: others are given them only after so long.
        """
        more, tasks = await self._ns.scripts.collect([limit, lease_ms, SMALL_BYTES, HASH_BYTES])
        return [Collected(*fields) for fields in tasks], bool(more)

    async def give_back(self, tasks: Sequence[Collected]) -> int:
        """Let others have what was collected at once; return how many the archive still lacks."""
        lacking = 0
        for start in range(0, len(tasks), _NOTED):
            part = tasks[start : start + _NOTED]
            lacking += await self._ns.scripts.uncollect([len(part), *(t.id for t in part)])
        return lacking

    async def note_archived(self, tasks: Sequence[Collected]) -> int:
        """Note that the archive has these ends; return of how many that is still true."""
        noted = 0
        for start in range(0, len(tasks), _NOTED):
            part = tasks[start : start + _NOTED]
            ends: list[Any] = [x for task in part for x in (task.id, task.finished_ms, task.edits)]
            noted += sum(await self._ns.scripts.archived([len(part), *ends]))
        return noted

    async def purge(self, limit: int = PURGED) -> Purged:
        """Remove up to `limit` tasks whose time is up and that the archive has. Repeatable."""
        reply = await self._ns.scripts.purge([limit, _RETRY_MS, _KEEP_MS, blobs.TTL_S * 1000])
        purged, unarchived, needed, dropped, more = reply
        return Purged(
            purged=purged,
            unarchived=unarchived,
            needed=needed,
            dropped=dropped,
            more=bool(more),
        )

    async def archive(self, task_id: TaskId) -> None:
        """Let a final task leave Redis as soon as the archive has it. Repeatable.

        Raises:
            TaskNotFound: there is no such task.
            TaskError: it is not final.
        """
        outcome = text(await self._ns.scripts.archive([task_id]))
        if not outcome:
            raise TaskNotFound(task_id)
        if outcome != "archived":
            raise TaskError(
                task_id, f"it is {outcome}: only a task that ended can be archived; cancel it first"
            )
