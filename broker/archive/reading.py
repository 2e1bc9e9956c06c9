"""Reads an archive: tasks by id, prefix and name, lists, definitions and blobs.

All methods block: call them in a thread.
"""

import hashlib
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from ..errors import ArchiveDamaged, ArchiveUnavailable
from ..ids import is_prefix
from ..keys import TaskId
from ..listing import Filters
from . import layout
from .archived import ArchivedTask
from .copies import TaskCopy, filled
from .index import Index, Place
from .marking import is_marked
from .segment import SUFFIX, read_block, read_table
from .store import ArchiveMissing, ArchiveStore

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_BLOCKS: Final = 16
"""Blocks that are kept: a page of a list lies in few."""


class Archive:
    """What one namespace's archive holds. Not for use by several threads at once."""

    def __init__(self, store: ArchiveStore, namespace: str, index: Path) -> None:
        """`index`: the SQLite file; a cache that is made anew where it is missing or damaged."""
        self._store = store
        self._namespace = namespace
        self._path = index
        self._index: Index | None = None
        self._blocks: OrderedDict[tuple[str, int], list[TaskCopy]] = OrderedDict()

    def close(self) -> None:
        """Close the index."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def refresh(self) -> list[str]:
        """Learn of segments that were written, or removed, since the last time.

        Returns:
            What is wrong with segments that can't be read, a line each. All others can.

        Raises:
            ArchiveUnavailable: the archive or the index can't be read at all.
        """
        return self._ask(self._learn)

    def get(self, task_id: TaskId) -> ArchivedTask | None:
        """Return a task, None if the archive (as far as it was learned) has none of this id.

        Raises:
            ArchiveDamaged: what holds it was altered, cut short or removed.
        """
        place = self._ask(lambda index: index.place(task_id))
        if place is None:
            return None
        copy = self._copy(task_id, place)
        for older in self._ask(lambda index: index.older(task_id)):
            try:
                copy = filled(copy, self._copy(task_id, older))
            except ArchiveDamaged as e:  # what counts is whole
                log.warning("task %s: of an older copy: %s", task_id, e)
        return ArchivedTask(copy)

    def with_prefix(self, prefix: str, *, limit: int = 6) -> list[TaskId]:
        """Return up to `limit` ids that begin so, oldest first."""
        if not is_prefix(prefix):
            return []
        return self._ask(lambda index: index.with_prefix(prefix, limit=limit))

    def newest(
        self, filters: Filters, *, limit: int = 30, before: TaskId | None = None
    ) -> list[TaskId]:
        """Return up to `limit` ids that the filters accept, newest first, older than `before`."""
        return self._ask(lambda index: index.newest(filters, limit=limit, before=before))

    def content(self, digest: str) -> bytes:
        """Return a definition or blob.

        Raises:
            ArchiveDamaged: it was altered.
            ArchiveMissing: the archive does not have it.
        """
        found = self._store.read(layout.content(self._namespace, digest))
        if hashlib.sha256(found).hexdigest() != digest:
            raise ArchiveDamaged(f"archive {self._store.where}: content {digest} was altered")
        return found

    def _learn(self, index: Index) -> list[str]:
        known = index.paths()
        folder = layout.segments(self._namespace)
        there = {path for path in self._store.list(folder) if path.endswith(SUFFIX)}
        if known and not there and not is_marked(self._store):
            raise ArchiveUnavailable(
                f"archive {self._store.where}: nothing is there any more: is it mounted?"
            )
        for path in sorted(known - there):
            index.forget(path)
            known = index.paths()
        problems = []
        for path in sorted(there - known):
            try:
                table = read_table(path, self._store.size(path) or 0, self._reader(path))
                if table.namespace != self._namespace:
                    raise ArchiveDamaged(f"segment {path}: it is of namespace {table.namespace}")
            except (ArchiveDamaged, ArchiveMissing) as e:
                problems.append(str(e))
                continue
            index.add(path, table)
        return problems

    def _copy(self, task_id: TaskId, place: Place) -> TaskCopy:
        key = (place.path, place.block.start)
        if key not in self._blocks:
            try:
                self._blocks[key] = read_block(place.path, place.block, self._reader(place.path))
            except ArchiveMissing as e:
                raise ArchiveDamaged(f"task {task_id}: {e}") from e
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        return self._blocks[key][place.place]

    def _reader(self, path: str) -> Callable[[int, int], bytes]:
        def read(start: int, length: int) -> bytes:
            return self._store.read(path, start=start, length=length)

        return read

    def _ask(self, step: Callable[[Index], _Answer]) -> _Answer:
        """Return what the index says; make it anew, once, where it is damaged."""
        try:
            return self._asked(step)
        except sqlite3.OperationalError as e:  # locked for long, no access, disk full
            raise ArchiveUnavailable(f"index {self._path}: {e}") from e
        except sqlite3.DatabaseError as e:
            log.warning("index %s: %s; it is made anew", self._path, e)
        self.close()
        self._index = Index.anew(self._path)
        self._learn(self._index)
        return step(self._index)

    def _asked(self, step: Callable[[Index], _Answer]) -> _Answer:
        if self._index is None:
            self._index = Index(self._path)
        return step(self._index)
