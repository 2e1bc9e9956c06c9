"""From Redis into the archive and back, on bad days too."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from rq_agent.broker import keys
from rq_agent.broker.archive import gathering, layout, writing
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.objects import ObjectsStore
from rq_agent.broker.archive.reading import Archive
from rq_agent.broker.archive.restoring import bring_back
from rq_agent.broker.archive.writing import Writer
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec, digest, encode
from rq_agent.broker.errors import ArchiveUnavailable
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging
from rq_agent.broker.tasks import DefinitionUpload, EnqueueOutcome, Tasks

from ...scripts import steps
from ...scripts.retiring import ended, keys_of, make_due, purge
from ..worker.test_full_disk import small_disk
from .archives import a_file, files, kept, opened, segments, task_in, write

CODE = b"print('hi')\n"
BLOB = hashlib.sha256(CODE).hexdigest()
DEFINITION = encode(
    Definition(
        code=Code(form="file", blob=BLOB, size_bytes=len(CODE), file_name="script.py"),
        environment=EnvironmentSpec(),
        entry=Entry(script="script.py"),
    )
)
ADDRESS = digest(DEFINITION)
UPLOAD = DefinitionUpload(encoded=DEFINITION, blobs=(BLOB,))


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


async def test_everything_of_a_task_is_kept(ns: Namespace, folder: Path) -> None:
    await Blobs(ns).put(BLOB, CODE)
    task = steps.new_task(
        definition=ADDRESS, name="train", user="ada", labels={"team": "vision"}, params={"lr": "1"}
    )
    await Tasks(ns).enqueue([task], {ADDRESS: UPLOAD})
    claim = await steps.claim_one(ns)
    chunks = [
        Chunk(stream="out", offset=n * 10, raw_bytes=10, data=b"0123456789") for n in range(200)
    ]
    await Logs(ns).append(claim, chunks)
    await ns.redis.xadd(keys.scalars(ns.prefix, task.id), {"loss": "0.5"})
    await steps.finish(ns, claim, "succeeded", result=b"a result")
    live = await Lookups(ns).record(task.id)
    live_log, _ = await Logs(ns).read(task.id, claim.fence)
    await make_due(ns, task.id)

    written = await write(ns, folder)
    assert (written.tasks, written.noted) == (1, 1)
    assert (await purge(ns)).purged == 1

    assert await keys_of(ns, task.id) == set()
    found = task_in(ns, folder, task.id)
    assert found.record == live
    assert found.log(claim.fence) == live_log
    assert [step.event for step in found.history] == ["enqueued", "claimed", "succeeded"]
    assert (found.copy.envelope, found.copy.result) == (b"signed", b"a result")
    assert [fields for _, fields in found.copy.scalars] == [{b"loss": b"0.5"}]
    archive = opened(ns, folder)
    assert (archive.content(ADDRESS), archive.content(BLOB)) == (DEFINITION, CODE)


async def test_an_archived_definition_can_be_enqueued_again(ns: Namespace, folder: Path) -> None:
    await Blobs(ns).put(BLOB, CODE)
    first = steps.new_task(definition=ADDRESS)
    await Tasks(ns).enqueue([first], {ADDRESS: UPLOAD})
    await steps.finish(ns, await steps.claim_one(ns), "succeeded")
    await make_due(ns, first.id)
    await write(ns, folder)
    await purge(ns)
    await ns.redis.delete(keys.blob(ns.prefix, BLOB))  # its hour is over

    upload = await bring_back(ns, opened(ns, folder), ADDRESS)
    again = steps.new_task(definition=ADDRESS)
    [answer] = await Tasks(ns).enqueue([again], {ADDRESS: upload})

    assert answer.outcome == EnqueueOutcome.QUEUED
    assert await Blobs(ns).get(BLOB, size_bytes=len(CODE)) == CODE


async def test_an_object_store_keeps_all_too(ns: Namespace, tmp_path: Path) -> None:
    store = ObjectsStore(MemoryStore(), "memory")
    ids = await many_ended(ns, 120)

    written = await Writer(ns, store).write()

    archive = Archive(store, ns.name, tmp_path / "index.sqlite")
    assert (written.noted, archive.refresh()) == (120, [])
    assert archive.newest(Filters(), limit=1000) == ids[::-1]
    found = archive.get(ids[7])
    assert found is not None
    assert found.record.state == "succeeded"
    assert archive.content(steps.DIGEST) == steps.ENCODED


async def test_many_tasks_share_a_segment(ns: Namespace, folder: Path) -> None:
    ids = await many_ended(ns, 250)

    written = await write(ns, folder)

    assert (written.tasks, written.more) == (250, False)
    assert len(segments(folder)) == 1
    assert kept(ns, folder) == ids


async def test_a_round_is_bounded_and_says_that_there_is_more(ns: Namespace, folder: Path) -> None:
    ids = await many_ended(ns, 250)
    writer = Writer(ns, FolderStore(folder))

    first = await writer.write(tasks=100)
    rest = await writer.write(tasks=1000)

    assert (first.tasks, first.more, rest.tasks, rest.more) == (100, True, 150, False)
    assert kept(ns, folder) == ids


async def test_large_tasks_are_split_over_segments(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_BYTES", 100_000)
    ids = [await due(ns, envelope=os.urandom(60_000)) for _ in range(5)]

    written = await write(ns, folder)

    assert (written.tasks, len(segments(folder))) == (5, 3)
    assert kept(ns, folder) == ids


async def test_long_streams_and_values_are_kept_up_to_their_limits(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "LOG_BYTES", 300_000)
    monkeypatch.setattr(gathering, "VALUE_BYTES", 50_000)
    claim = await steps.running(ns, envelope=b"e" * 40_000)
    data = b"x" * 10_000
    await Logs(ns).append(
        claim,
        [Chunk(stream="out", offset=n * 10_000, raw_bytes=10_000, data=data) for n in range(100)],
    )
    await steps.finish(ns, claim, "succeeded", result=b"r" * 60_000)
    await make_due(ns, claim.task_id)

    await write(ns, folder)

    copy = task_in(ns, folder, claim.task_id).copy
    assert (len(copy.envelope), len(copy.result)) == (40_000, 50_000)
    assert len(copy.logs[claim.fence]) == 29  # each entry has a few bytes of other fields
    p = ns.prefix
    assert copy.cut == [keys.log(p, claim.task_id, claim.fence), keys.result(p, claim.task_id)]


async def test_two_archivers_never_lose_a_task_between_them(ns: Namespace, folder: Path) -> None:
    ids = await many_ended(ns, 300)
    one, two = Writer(ns, FolderStore(folder)), Writer(ns, FolderStore(folder))

    first, second = await one.write(tasks=100), await two.write(tasks=1000)

    assert (first.tasks, second.tasks) == (100, 200)
    assert kept(ns, folder) == ids


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
        await make_due(ns, task_id)
        assert (await purge(ns)).purged == 0
        (disk / "filler").unlink()
        assert (await write(ns, folder)).noted == 1
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


async def test_a_definition_is_in_the_archive_before_any_task_of_it(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(ns)
    put = FolderStore.put
    order: list[str] = []

    def remembered(self: FolderStore, path: str, content: bytes) -> None:
        order.append(path)
        put(self, path, content)

    monkeypatch.setattr(FolderStore, "put", remembered)
    await write(ns, folder)

    assert order[0] == layout.content(ns.name, steps.DIGEST)
    assert order[1].endswith(".segment")
    await due(ns)
    await write(ns, folder)  # another archiver, which finds the definition there
    assert order[2].endswith(".segment")
    assert len(order) == 3
