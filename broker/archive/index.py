"""What a reader knows of an archive: an SQLite file of its own, made of the segments' tables.

It is a cache: it can be deleted at any time, and a damaged one is made anew.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ..errors import ArchiveUnavailable
from ..keys import TaskId
from ..listing import Filters
from .copies import Meta
from .segment import Block, Table

_VERSION: Final = 1
_BUSY_S: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, finished_ms INTEGER, name TEXT, user TEXT, queue TEXT, state TEXT,
    definition TEXT, segment INTEGER, start INTEGER, length INTEGER, raw_length INTEGER,
    digest BLOB, place INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_name ON tasks (name, id);
CREATE INDEX IF NOT EXISTS by_user ON tasks (user, id);
CREATE INDEX IF NOT EXISTS by_queue ON tasks (queue, id);
CREATE INDEX IF NOT EXISTS by_state ON tasks (state, id);
CREATE INDEX IF NOT EXISTS by_segment ON tasks (segment);
CREATE TABLE IF NOT EXISTS labels (
    label TEXT, id TEXT, PRIMARY KEY (label, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_task ON labels (id);
"""
_PUT: Final = "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


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
        self._connection = _open(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def paths(self) -> set[str]:
        """Return the segments that it knows."""
        return {path for (path,) in self._connection.execute("SELECT path FROM segments")}

    def add(self, path: str, table: Table) -> None:
        """Add a segment. Of a task that is in several, the copy that ended last counts."""
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO segments (path) VALUES (?)", (path,))
            [number] = db.execute("SELECT number FROM segments WHERE path = ?", (path,)).fetchone()
            fresh = [meta for meta in table.tasks if _ended(db, meta.id) < meta.finished_ms]
            db.executemany(_PUT, [_row(meta, table, number) for meta in fresh])
            db.executemany("DELETE FROM labels WHERE id = ?", [(meta.id,) for meta in fresh])
            labels = [(label, meta.id) for meta in fresh for label in meta.labels]
            db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", labels)

    def forget(self, path: str) -> None:
        """Remove a segment that is there no more."""
        with self._writing() as db:
            number = "(SELECT number FROM segments WHERE path = ?)"
            mine = f"SELECT id FROM tasks WHERE segment = {number}"
            db.execute(f"DELETE FROM labels WHERE id IN ({mine})", (path,))
            db.execute(f"DELETE FROM tasks WHERE segment = {number}", (path,))
            db.execute("DELETE FROM segments WHERE path = ?", (path,))

    def place(self, task_id: TaskId) -> Place | None:
        """Return where a task lies, None if it is in no segment."""
        row = self._connection.execute(
            "SELECT path, start, length, raw_length, digest, place FROM tasks"
            " JOIN segments ON number = segment WHERE id = ?",
            (task_id,),
        ).fetchone()
        return None if row is None else Place(row[0], Block(*row[1:5]), row[5])

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


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ArchiveUnavailable(f"index {path}: {e.strerror}") from e
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("of another version of this program")
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _ended(db: sqlite3.Cursor, task_id: str) -> int:
    """Return when the known copy of a task ended, -1 if there is none."""
    row = db.execute("SELECT finished_ms FROM tasks WHERE id = ?", (task_id,)).fetchone()
    return -1 if row is None else int(row[0])


def _row(meta: Meta, table: Table, segment: int) -> tuple[object, ...]:
    found = (meta.name, meta.user, meta.queue, meta.state, meta.definition)
    block = table.blocks[meta.block]
    where = (segment, block.start, block.length, block.raw_length, block.digest)
    return (meta.id, meta.finished_ms, *found, *where, meta.place)


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
