"""The SQLite file of an index: its tables, and how it is opened."""

import sqlite3
from pathlib import Path
from typing import Final

from ..errors import ArchiveUnavailable

_VERSION: Final = 2
_BUSY_S: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, finished_ms INTEGER, edits INTEGER, name TEXT, user TEXT, queue TEXT,
    state TEXT, definition TEXT, segment INTEGER, start INTEGER, length INTEGER, raw_length INTEGER,
    digest BLOB, place INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS older (
    id TEXT, finished_ms INTEGER, edits INTEGER, segment INTEGER, start INTEGER, length INTEGER,
    raw_length INTEGER, digest BLOB, place INTEGER, PRIMARY KEY (id, segment)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS older_by_segment ON older (segment);
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


def open_file(path: Path) -> sqlite3.Connection:
    """Open an index, or make it.

    Raises:
        ArchiveUnavailable: its folder can't be made.
        sqlite3.DatabaseError: it is damaged, or of another version.
    """
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
