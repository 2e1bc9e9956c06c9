"""From Redis into the archive and back."""

import hashlib
import os
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from rq_agent.broker import keys
from rq_agent.broker.archive import gathering, layout, writing
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.marking import MARK
from rq_agent.broker.archive.objects import ObjectsStore
from rq_agent.broker.archive.reading import Archive
from rq_agent.broker.archive.restoring import bring_back
from rq_agent.broker.archive.writing import Writer
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec, digest, encode
from rq_agent.broker.labels import Labels
from rq_agent.broker.listing import Filters
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import DefinitionUpload, EnqueueOutcome, Tasks

from ...scripts import steps
from ...scripts.retiring import keys_of, make_due, purge
from .archives import due, kept, many_ended, opened, segments, task_in, write

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


async def test_a_label_that_came_after_archiving_is_kept_and_so_is_the_log(
    ns: Namespace, folder: Path
) -> None:
    claim = await steps.running(ns, labels={"team": "vision"})
    await Logs(ns).append(claim, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
    await steps.finish(ns, claim, "succeeded", result=b"a result")
    await make_due(ns, claim.task_id)
    await write(ns, folder)
    p = ns.prefix
    gone = keys.log(p, claim.task_id, claim.fence), keys.result(p, claim.task_id)
    assert await ns.redis.delete(*gone) == 2  # their TTLs are over

    await Labels(ns).change(claim.task_id, {"best": "yes"}, remove=["team"])
    await write(ns, folder)
    assert (await purge(ns)).purged == 1

    found = task_in(ns, folder, claim.task_id)
    assert found.record.labels == {"best": "yes"}
    assert [entry.data for entry in found.log(claim.fence)] == [b"hi"]
    assert found.copy.result == b"a result"
    archive = opened(ns, folder)
    assert archive.newest(Filters(label="best=yes")) == [claim.task_id]
    assert archive.newest(Filters(label="team")) == []


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

    assert 100 <= first.tasks < 200
    assert (first.more, rest.tasks, rest.more) == (True, 250 - first.tasks, False)
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

    assert first.tasks + second.tasks == 300
    assert first.tasks < 300
    assert kept(ns, folder) == ids


async def test_a_definition_is_in_the_archive_before_any_task_of_it(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(ns)
    put = FolderStore.put
    order: list[str] = []

    def remembered(self: FolderStore, path: str, content: bytes) -> None:
        if path != MARK:
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
