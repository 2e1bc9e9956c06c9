"""Copies of tasks to archive, and an archive to read them from."""

import hashlib
from pathlib import Path
from typing import Any

from rq_agent.broker.archive import layout
from rq_agent.broker.archive.copies import TaskCopy
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.reading import Archive
from rq_agent.broker.archive.segment import encode
from rq_agent.broker.ids import encode as id_of

NAMESPACE = "lab"
DAY_MS = 86_400_000


def copy_of(number: int, *, finished_ms: int = DAY_MS, **fields: Any) -> TaskCopy:
    """Return a task like those that Redis holds; `fields` are of its short record."""
    labels = fields.pop("labels", b"")
    record = {
        "state": "succeeded",
        "queue": "q",
        "name": "train",
        "user": "ada",
        "definition": "d" * 64,
        "finished_ms": str(finished_ms),
        "created_ms": "5000",
        "fence": "1",
    } | fields
    return TaskCopy(
        id=id_of(number),
        task={name.encode(): value.encode() for name, value in record.items()},
        extra={b"labels": labels} if labels else {},
        history=[b"5000 enqueued", b"6000 claimed w"],
        envelope=b"signed",
        logs={1: [(b"7000-0", {b"s": b"out", b"o": b"0", b"n": b"3", b"d": b"hi\n"})]},
    )


def put(folder: Path, *copies: TaskCopy) -> Path:
    """Write a segment into an archive; return its file."""
    name, content = encode(NAMESPACE, copies)
    path = f"{layout.segments(NAMESPACE)}/{name}"
    FolderStore(folder).put(path, content)
    return folder / path


def put_content(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    FolderStore(folder).put(layout.content(NAMESPACE, digest), content)
    return digest


def opened(folder: Path, index: Path) -> Archive:
    """Return an archive that knows all of its segments."""
    archive = Archive(FolderStore(folder), NAMESPACE, index)
    assert archive.refresh() == []
    return archive
