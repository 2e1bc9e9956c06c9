"""The archiver when others die, lie, or leave no room."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import ArchiveUnavailable
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging

from ...scripts import steps
from ...scripts.retiring import make_due, purge
from ..worker.test_full_disk import small_disk
from .archives import a_file, due, files, kept, segments, task_in, write


async def test_an_archiver_that_died_before_its_note_is_made_good(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await due(ns)

    async def dies(self: object, tasks: object) -> int:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Purging, "note_archived", dies)
        with pytest.raises(SystemExit):
            await write(ns, folder)
    before = segments(folder)
    assert (await purge(ns)).purged == 0  # nobody said that the archive has it

    await make_due(ns, task_id)  # its lease is over
    await write(ns, folder)

    assert segments(folder) == before  # the same tasks give the same file
    assert (await purge(ns)).purged == 1
    assert kept(ns, folder) == [task_id]


async def test_a_task_that_ran_again_meanwhile_is_written_again(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await due(ns)
    note = Purging.note_archived

    async def reset_first(self: Purging, tasks: Any) -> int:
        task = keys.task(ns.prefix, task_id)
        await ns.redis.hset(task, mapping={"finished_ms": "9999999999999", "exit_code": "7"})
        return await note(self, tasks)

    with monkeypatch.context() as patched:
        patched.setattr(Purging, "note_archived", reset_first)
        written = await write(ns, folder)
    assert (written.tasks, written.noted) == (1, 0)
    await make_due(ns, task_id)
    assert (await purge(ns)).purged == 0

    await make_due(ns, task_id)
    await write(ns, folder)
    await make_due(ns, task_id)
    assert (await purge(ns)).purged == 1
    assert task_in(ns, folder, task_id).record.exit_code == 7


async def test_an_altered_or_lost_definition_is_told_and_stops_nothing(
    ns: Namespace, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = await due(ns)
    await ns.redis.set(keys.definition(ns.prefix, steps.DIGEST), b"forged")
    await write(ns, folder)

    assert kept(ns, folder) == [task_id]
    assert f"not archived: {keys.definition(ns.prefix, steps.DIGEST)} is altered" in caplog.text
    assert files(folder) == [path.name for path in segments(folder)]


async def test_a_hostile_record_is_archived_as_it_is(ns: Namespace, folder: Path) -> None:
    p = ns.prefix
    hostile, fine = await due(ns), await due(ns)
    garbage: Any = {"user": os.urandom(1024 * 1024), "definition": b"../../etc", "fence": b"-1"}
    await ns.redis.hset(keys.task(p, hostile), mapping=garbage)
    await ns.redis.hset(keys.extra(p, hostile), mapping={"labels": "[" * 9999, b"\xff": "alien"})
    await ns.redis.delete(keys.history(p, hostile))
    await ns.redis.set(keys.history(p, hostile), "not a list")

    written = await write(ns, folder)

    assert written.noted == 2
    assert kept(ns, folder) == [hostile, fine]
    assert task_in(ns, folder, hostile).record.state == "succeeded"
    assert len(files(folder)) == 2  # the segment and the definition of the other one
    assert (await purge(ns)).purged == 2


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount")
async def test_a_full_disk_keeps_all_in_redis_until_there_is_room(
    ns: Namespace, folder: Path
) -> None:
    with small_disk(folder, 256) as disk:
        task_id = await due(ns, envelope=os.urandom(100_000))
        (disk / "filler").write_bytes(b"x" * 200_000)

        with pytest.raises(ArchiveUnavailable, match="its disk is full: free space there"):
            await write(ns, folder)

        assert [name for name in files(folder) if name not in (steps.DIGEST, "filler")] == []
        await ns.redis.zadd(keys.done(ns.prefix), {task_id: 1})
        assert (await purge(ns)).purged == 0
        (disk / "filler").unlink()
        assert (await write(ns, folder)).noted == 1  # it was given back: no lease to wait for
        assert task_in(ns, folder, task_id).copy.envelope


def test_a_file_that_may_not_grow_leaves_nothing_half_written(folder: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.errors import ArchiveUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    FolderStore(Path({str(folder)!r})).put("lab/x", b"x" * 5000)
except ArchiveUnavailable as e:
    print(e)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "a file would be larger than is allowed there" in done.stdout
    assert files(folder) == []


async def test_a_place_that_is_no_folder_is_told_by_name(ns: Namespace, folder: Path) -> None:
    await due(ns)

    with pytest.raises(ArchiveUnavailable, match=r"archive .*/archive: a part of its path"):
        await write(ns, a_file(folder))
