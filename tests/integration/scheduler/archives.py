"""What tests of the archiver do again and again."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rq_agent.broker.archive.archived import ArchivedTask
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.marking import MARK
from rq_agent.broker.archive.reading import Archive
from rq_agent.broker.archive.writing import Writer, Written
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.namespace import Namespace

from ...scripts import steps
from ...scripts.retiring import ended, make_due

PROGRAM = (sys.executable, "-m", "rq_agent.cli")
DEADLINE_S = 20.0


async def many_ended(ns: Namespace, count: int) -> list[TaskId]:
    ids = await steps.add(ns, count)
    for start in range(0, count, 100):
        for claim in (await steps.claim(ns, limit=min(100, count - start))).claims:
            await steps.finish(ns, claim, "succeeded")
    await make_due(ns, *ids)
    return ids


async def due(ns: Namespace, **fields: Any) -> TaskId:
    task_id = (await ended(ns, **fields)).task_id
    await make_due(ns, task_id)
    return task_id


async def write(ns: Namespace, folder: Path) -> Written:
    return await Writer(ns, FolderStore(folder)).write()


def opened(ns: Namespace, folder: Path) -> Archive:
    """Return the archive, read by a reader that never read it before."""
    index = Path(tempfile.mkdtemp(dir=folder.parent)) / "index.sqlite"
    archive = Archive(FolderStore(folder), ns.name, index)
    assert archive.refresh() == []
    return archive


def kept(ns: Namespace, folder: Path) -> list[TaskId]:
    """Return the tasks that the archive has, oldest first."""
    return opened(ns, folder).newest(Filters(), limit=10_000)[::-1]


def task_in(ns: Namespace, folder: Path, task_id: TaskId) -> ArchivedTask:
    found = opened(ns, folder).get(task_id)
    assert found is not None
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.segment"))


def files(folder: Path) -> list[str]:
    """Return the names of all files below a folder, but for the mark of an archive."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.name != MARK)


def a_file(path: Path) -> Path:
    """Put a file where a folder should be."""
    path.write_text("not a folder")
    return path


@contextmanager
def scheduler_process(
    url: str, namespace: str, folder: Path, home: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `rq-agent scheduler` until it is ready, and stop it at the end."""
    options = ["--redis", url, "--namespace", namespace, "--archive", str(folder), "-v"]
    process = subprocess.Popen(
        [*PROGRAM, "scheduler", *options],
        env={**os.environ, "RQ_AGENT_HOME": str(home)},
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if b": ready" in line:
                break
        else:
            raise AssertionError(b"".join(said))
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
