"""What a reader knows of an archive: an SQLite file of its own, made of the segments' tables.

It is a cache: it can be deleted at any time, and a damaged one is made anew.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from ..keys import TaskId
from ..listing import Filters
from .copies import Meta
from .index_file import open_file
from .segment import Block, Table

_PUT: Final = "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_OLDER: Final = "INSERT OR REPLACE INTO older VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COPY: Final = "id, finished_ms, edits, segment, start, length, raw_length, digest, place"
_PLACE: Final = "path, start, length, raw_length, digest, place"


_NUMBER: Final = "SELECT number FROM segments WHERE path = ?"
_OF_OLDER_COPIES: Final = (
    "SELECT older.segment FROM older JOIN tasks USING (id)"
    " WHERE tasks.segment = ? AND older.segment != ?"
)
_FORGET: Final = (
    "DELETE FROM labels WHERE id IN (SELECT id FROM tasks WHERE segment = ?)",
    "DELETE FROM tasks WHERE segment = ?",
    "DELETE FROM older WHERE segment = ?",
    "DELETE FROM segments WHERE number = ?",
)


class Place(msgspec.Struct, frozen=True):
    """Where a task lies."""

    path: str
    block: Block
    place: int


class Index:
    """The index of one namespace's archive. Not for use by several threads at once."""

    def __init__(self, path: Path) -> None:
        """`path` of the SQLite file; the folder it lies in is made.

        Raises:
            ArchiveUnavailable: the folder can't be made.
            sqlite3.DatabaseError: as every method; but for an OperationalError, the file is
                damaged: go on with `anew`.
        """
        self._connection = open_file(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def paths(self) -> set[str]:
        """Return the segments that it knows."""
        return {path for (path,) in self._connection.execute("SELECT path FROM segments")}

    def add(self, path: str, table: Table) -> None:
        """Add a segment.

        Of a task that is in several, the last end counts; of copies of that, the one with most
        edits; of equals, the greater path: whatever the order in which they are added.
        """
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO segments (path) VALUES (?)", (path,))
            if db.rowcount == 0:  # another reader that shares the file was faster
                return
            [number] = db.execute("SELECT number FROM segments WHERE path = ?", (path,)).fetchone()
            fresh: list[Meta] = []
            for meta in table.tasks:
                is_fresh = _rank_of_known(db, meta.id) < (meta.finished_ms, meta.edits, path)
                if is_fresh:
                    fresh.append(meta)
                    db.execute(
                        f"INSERT OR REPLACE INTO older SELECT {_COPY} FROM tasks WHERE id = ?",
                        (meta.id,),
                    )
                else:
                    db.execute(_PUT_OLDER, _copy(meta, table, number))
            db.executemany(_PUT, [_row(meta, table, number) for meta in fresh])
            db.executemany("DELETE FROM labels WHERE id = ?", [(meta.id,) for meta in fresh])
            labels = [(label, meta.id) for meta in fresh for label in meta.labels]
            db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", labels)

    def forget(self, path: str) -> None:
        """Remove a segment that is there no more.

        Those that have older copies of its tasks are forgotten with it: add them again.
        """
        with self._writing() as db:
            left = {number for (number,) in db.execute(_NUMBER, (path,))}
            while left:
                number = left.pop()
                left.update(n for (n,) in db.execute(_OF_OLDER_COPIES, (number, number)))
                for statement in _FORGET:
                    db.execute(statement, (number,))

    def place(self, task_id: TaskId) -> Place | None:
        """Return where a task lies, None if it is in no segment."""
        row = self._connection.execute(
            f"SELECT {_PLACE} FROM tasks JOIN segments ON number = segment WHERE id = ?", (task_id,)
        ).fetchone()
        return None if row is None else _place(row)

    def older(self, task_id: TaskId) -> list[Place]:
        """Return where older copies of the same end of a task lie, the best first."""
        rows = self._connection.execute(
            f"SELECT {_PLACE} FROM older JOIN segments ON number = segment WHERE id = ?"
            " AND finished_ms = (SELECT finished_ms FROM tasks WHERE tasks.id = older.id)"
            " ORDER BY edits DESC, path DESC",
            (task_id,),
        )
        return [_place(row) for row in rows]

    def with_prefix(self, prefix: str, *, limit: int) -> list[TaskId]:
        """Return up to `limit` ids that begin so, oldest first."""
        rows = self._connection.execute(
            "SELECT id FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (prefix, prefix + "~", limit),
        )
        return [TaskId(task_id) for (task_id,) in rows]

    def newest(self, filters: Filters, *, limit: int, before: TaskId | None = None) -> list[TaskId]:
        """Return up to `limit` ids that the filters accept, newest first, older than `before`."""
        conditions, values = _conditions(filters)
        if before is not None:
            conditions.append("id < ?")
            values.append(before)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._connection.execute(
            f"SELECT id FROM tasks {where} ORDER BY id DESC LIMIT ?", (*values, limit)
        )
        return [TaskId(task_id) for (task_id,) in rows]

    @classmethod
    def anew(cls, path: Path) -> "Index":
        """Return an empty index in the place of a damaged one."""
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return cls(path)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """Write all or nothing."""
        with self._connection, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor


def _rank_of_known(db: sqlite3.Cursor, task_id: str) -> tuple[int, int, str]:
    """Return by what the known copy of a task counts; less than that of any if there is none."""
    row = db.execute(
        "SELECT finished_ms, edits, path FROM tasks JOIN segments ON number = segment WHERE id = ?",
        (task_id,),
    ).fetchone()
    return (-1, 0, "") if row is None else (int(row[0]), int(row[1]), str(row[2]))


def _row(meta: Meta, table: Table, segment: int) -> tuple[object, ...]:
    found = (meta.name, meta.user, meta.queue, meta.state, meta.definition)
    copy = _copy(meta, table, segment)
    return (*copy[:3], *found, *copy[3:])


def _copy(meta: Meta, table: Table, segment: int) -> tuple[object, ...]:
    block = table.blocks[meta.block]
    where = (segment, block.start, block.length, block.raw_length, block.digest)
    return (meta.id, meta.finished_ms, meta.edits, *where, meta.place)


def _place(row: Sequence[Any]) -> Place:
    return Place(row[0], Block(*row[1:5]), row[5])


def _conditions(filters: Filters) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    values: list[str] = []
    for column in ("queue", "user", "name"):
        if value := getattr(filters, column):
            conditions.append(f"{column} = ?")
            values.append(value)
    if states := list(filters.states):
        conditions.append(f"state IN ({', '.join('?' * len(states))})")
        values += states
    if filters.label:
        key, has_value, _ = filters.label.partition("=")
        labelled = "label = ?" if has_value else "label >= ? AND label < ?"
        conditions.append(f"id IN (SELECT id FROM labels WHERE {labelled})")
        values += [filters.label] if has_value else [f"{key}=", f"{key}>"]
    return conditions, values
