"""What a reader finds in an archive, whatever happened to its files."""

import itertools
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from rq_agent.broker.archive.copies import TaskCopy
from rq_agent.broker.archive.finding import find
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.location import open_store
from rq_agent.broker.archive.reading import Archive
from rq_agent.broker.archive.store import ArchiveMissing
from rq_agent.broker.errors import (
    ArchiveDamaged,
    ArchiveUnavailable,
    SelectorError,
    UsageError,
)
from rq_agent.broker.ids import encode as id_of
from rq_agent.broker.listing import Filters
from rq_agent.broker.states import TaskState

from .copies import NAMESPACE, copy_of, opened, put, put_content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.sqlite"


def numbers(archive: Archive, filters: Filters = Filters(), **options: object) -> list[int]:  # noqa: B008
    ids = archive.newest(filters, **options)  # type: ignore[arg-type]
    return [int(task_id) for task_id in ids]  # ids below 10 have one digit


def test_a_task_is_found_and_reads_as_a_live_one(folder: Path, index: Path) -> None:
    put(folder, copy_of(1), copy_of(2, name="eval"))

    found = opened(folder, index).get(id_of(2))

    assert found is not None
    assert (found.record.name, found.record.state, found.record.finished_at) == (
        "eval",
        "succeeded",
        86_400.0,
    )
    assert [step.event for step in found.history] == ["enqueued", "claimed"]
    assert [(entry.stream, entry.data) for entry in found.log(1)] == [("out", b"hi\n")]
    assert (found.log(7), list(found.fences)) == ([], [1])


def test_an_unknown_task_is_none(folder: Path, index: Path) -> None:
    archive = opened(folder, index)

    assert archive.get(id_of(1)) is None
    assert archive.newest(Filters()) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), [4, 3, 2, 1]),
        (Filters(name="eval"), [3]),
        (Filters(user="bob"), [2]),
        (Filters(queue="gpu"), [4]),
        (Filters(states=[TaskState.FAILED]), [3]),
        (Filters(states=[TaskState.FAILED, TaskState.DEAD]), [3]),
        (Filters(label="team=vision"), [4, 1]),
        (Filters(label="team"), [4, 2, 1]),
        (Filters(label="tea"), []),
        (Filters(label="team=vision", queue="gpu"), [4]),
    ],
)
def test_lists_are_newest_first_and_hold_what_all_filters_accept(
    folder: Path, index: Path, filters: Filters, found: list[int]
) -> None:
    put(
        folder,
        copy_of(1, labels=b'{"team":"vision"}'),
        copy_of(4, queue="gpu", labels=b'{"team":"vision"}'),
    )
    put(folder, copy_of(2, user="bob", labels=b'{"team":"speech"}'))
    put(folder, copy_of(3, name="eval", state="failed", labels=b'{"teams":"vision"}'))

    assert numbers(opened(folder, index), filters) == found


def test_a_list_goes_on_where_the_last_page_ended(folder: Path, index: Path) -> None:
    put(folder, *[copy_of(number) for number in range(6)])
    archive = opened(folder, index)

    first = archive.newest(Filters(), limit=4)
    rest = archive.newest(Filters(), limit=4, before=first[-1])

    assert [int(i) for i in [*first, *rest]] == [5, 4, 3, 2, 1, 0]


def test_a_task_is_named_by_a_beginning_a_name_or_last(folder: Path, index: Path) -> None:
    put(folder, copy_of(1, name="eval"), copy_of(33, user="bob"), copy_of(34))
    archive = opened(folder, index)

    assert find(archive, id_of(1)) == id_of(1)
    assert find(archive, "eval") == id_of(1)
    assert find(archive, "train") == id_of(34)
    assert find(archive, "last") == id_of(34)
    assert find(archive, "last", user="bob") == id_of(33)
    assert find(archive, "nothing") is None
    with pytest.raises(SelectorError, match="several archived ids"):
        find(archive, "00000000000000")


@pytest.mark.parametrize("order", [(2_000, 1_000), (1_000, 2_000)])
def test_the_last_end_of_a_task_counts_whichever_is_read_first(
    folder: Path, index: Path, order: tuple[int, int]
) -> None:
    archive = opened(folder, index)
    for finished_ms in order:
        state = "succeeded" if finished_ms == 2_000 else "failed"
        labels = b'{"end":"%d"}' % finished_ms
        put(folder, copy_of(1, finished_ms=finished_ms, state=state, labels=labels))
        assert archive.refresh() == []

    found = archive.get(id_of(1))
    assert found is not None
    assert found.record.state == "succeeded"
    assert numbers(archive, Filters(states=[TaskState.SUCCEEDED], label="end=2000")) == [1]
    assert numbers(archive, Filters(label="end=1000")) == []


def edited(edits: int, **fields: Any) -> TaskCopy:
    """Return a task whose labels were changed so often after its end."""
    return copy_of(1, edits=str(edits), labels=b'{"edit":"%d"}' % edits, **fields)


ORDERS = list(itertools.permutations(["old", "edited", "once more"]))


@pytest.mark.parametrize("order", ORDERS)
def test_of_copies_of_one_end_the_one_with_most_edits_counts(
    folder: Path, index: Path, order: tuple[str, ...]
) -> None:
    copies = {"old": copy_of(1), "edited": edited(9), "once more": edited(10)}
    archive = opened(folder, index)
    for which in order:
        put(folder, copies[which])
        assert archive.refresh() == []

    found = archive.get(id_of(1))
    assert found is not None
    assert found.record.labels == {"edit": "10"}
    assert numbers(archive, Filters(label="edit=10")) == [1]
    assert numbers(archive, Filters(label="edit=9")) == []


def test_a_later_end_counts_more_than_edits_of_the_one_before(folder: Path, index: Path) -> None:
    put(folder, edited(10, finished_ms=1_000))
    put(folder, edited(0, finished_ms=2_000))

    assert numbers(opened(folder, index), Filters(label="edit=0")) == [1]


@pytest.mark.parametrize("first", ["a", "b"])
def test_which_of_two_equal_copies_counts_depends_on_no_order(
    folder: Path, index: Path, first: str
) -> None:
    archive = opened(folder, index)
    for name in (first, "b" if first == "a" else "a"):
        put(folder, copy_of(1, name=name))
        archive.refresh()

    anew = opened(folder, index.with_name("another"))
    assert [archive.newest(Filters(name=n)) for n in "ab"] == [
        anew.newest(Filters(name=n)) for n in "ab"
    ]


def test_a_log_that_was_gone_when_labels_changed_is_read_from_the_older_copy(
    folder: Path, index: Path
) -> None:
    old = structs.replace(copy_of(1), result=b"a result")
    put(folder, copy_of(1, finished_ms=7))  # of another end: nothing of it belongs here
    put(folder, old)
    put(folder, structs.replace(edited(1), logs={2: []}))

    found = opened(folder, index).get(id_of(1))

    assert found is not None
    assert (found.record.labels, found.copy.result) == ({"edit": "1"}, b"a result")
    assert found.copy.logs == old.logs | {2: []}


def test_nothing_of_another_end_is_mixed_in(folder: Path, index: Path) -> None:
    put(folder, structs.replace(copy_of(1, finished_ms=1_000), result=b"of before"))
    put(folder, structs.replace(copy_of(1, finished_ms=2_000), logs={}))

    found = opened(folder, index).get(id_of(1))

    assert found is not None
    assert (found.copy.result, found.copy.logs) == (b"", {})


def test_a_damaged_older_copy_hides_nothing_of_the_newer(
    folder: Path, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(folder, edited(1))
    bad = put(folder, copy_of(1))
    archive = opened(folder, index)
    bad.write_bytes(b"x" * 2000)

    found = archive.get(id_of(1))

    assert found is not None
    assert found.record.labels == {"edit": "1"}
    assert f"task {id_of(1)}: of an older copy: segment " in caplog.text


def test_an_older_copy_counts_again_when_the_newer_was_removed(folder: Path, index: Path) -> None:
    put(folder, copy_of(1), copy_of(2, finished_ms=1))
    put(folder, copy_of(2), copy_of(3))
    gone = put(folder, edited(1))
    archive = opened(folder, index)
    gone.unlink()

    assert archive.refresh() == []

    found = archive.get(id_of(1))
    assert found is not None
    assert found.record.labels == {}
    assert numbers(archive) == [3, 2, 1]


def test_what_was_written_since_is_learned(folder: Path, index: Path) -> None:
    put(folder, copy_of(1))
    archive = opened(folder, index)
    put(folder, copy_of(2))

    assert archive.get(id_of(2)) is None
    assert archive.refresh() == []

    assert archive.get(id_of(2)) is not None


def test_a_segment_that_was_removed_is_forgotten(folder: Path, index: Path) -> None:
    gone = put(folder, copy_of(1))
    put(folder, copy_of(2))
    archive = opened(folder, index)
    gone.unlink()

    with pytest.raises(ArchiveDamaged, match=f"task {id_of(1)}: .*there is no "):
        archive.get(id_of(1))
    assert archive.refresh() == []

    assert numbers(archive) == [2]


@pytest.mark.parametrize("damage", ["truncated", "empty", "altered table", "renamed"])
def test_a_damaged_segment_is_named_and_the_others_are_read(
    folder: Path, index: Path, damage: str
) -> None:
    bad = put(folder, *[copy_of(number) for number in range(1, 5)])
    put(folder, copy_of(5))
    content = bad.read_bytes()
    if damage == "truncated":
        bad.write_bytes(content[:-30])
    elif damage == "empty":
        bad.write_bytes(b"")
    elif damage == "altered table":
        bad.write_bytes(content[:-20] + b"x" + content[-19:])
    else:
        bad = bad.rename(bad.with_name(f"{'0' * 64}.segment"))
    archive = Archive(FolderStore(folder), NAMESPACE, index)

    [problem] = archive.refresh()

    assert bad.name in problem
    assert numbers(archive) == [5]
    assert len(archive.refresh()) == 1  # told each time, until it is mended


def test_damage_within_a_segment_is_told_by_who_reads_it(folder: Path, index: Path) -> None:
    bad = put(folder, copy_of(1))
    put(folder, copy_of(2))
    archive = opened(folder, index)
    content = bytearray(bad.read_bytes())
    content[20] ^= 255
    bad.write_bytes(content)

    with pytest.raises(ArchiveDamaged, match=bad.name):
        archive.get(id_of(1))

    assert archive.get(id_of(2)) is not None


def test_half_written_files_are_not_seen(folder: Path, index: Path) -> None:
    segment = put(folder, copy_of(1))
    (segment.parent / ".partial-0123").write_bytes(b"half of a segment")
    (segment.parent / "notes.txt").write_text("mine")

    assert numbers(opened(folder, index)) == [1]


@pytest.mark.parametrize("damage", ["garbage", "middle", "deleted", "other version", "truncated"])
def test_a_damaged_index_is_made_anew(folder: Path, index: Path, damage: str) -> None:
    put(folder, *[copy_of(number) for number in range(300)])
    opened(folder, index).close()
    if damage == "garbage":
        index.write_bytes(b"no database at all" * 1000)
    elif damage == "middle":
        content = bytearray(index.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        index.write_bytes(content)
    elif damage == "deleted":
        index.unlink()
    elif damage == "truncated":
        index.write_bytes(index.read_bytes()[:5000])
    else:
        with sqlite3.connect(index) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()

    archive = opened(folder, index)

    assert len(archive.newest(Filters(), limit=1000)) == 300
    assert archive.get(id_of(7)) is not None


def test_two_readers_share_an_index(folder: Path, index: Path) -> None:
    put(folder, copy_of(1))
    one, two = opened(folder, index), opened(folder, index)
    put(folder, copy_of(2))

    assert (one.refresh(), two.refresh()) == ([], [])

    assert numbers(one) == numbers(two) == [2, 1]


def test_an_index_that_can_not_be_written_is_told_by_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")

    with pytest.raises(ArchiveUnavailable, match=r"index .*cache"):
        Archive(FolderStore(folder), NAMESPACE, tmp_path / "cache" / "index").refresh()


def test_content_is_checked_against_its_address(folder: Path, index: Path) -> None:
    digest = put_content(folder, b"a definition")
    archive = opened(folder, index)

    assert archive.content(digest) == b"a definition"
    with pytest.raises(ArchiveMissing):
        archive.content("0" * 64)
    (folder / NAMESPACE / "objects" / digest[:2] / digest).write_bytes(b"another one")
    with pytest.raises(ArchiveDamaged, match=f"content {digest} was altered"):
        archive.content(digest)


def test_a_segment_of_another_namespace_is_not_believed(folder: Path, index: Path) -> None:
    put(folder, copy_of(1))
    shutil.move(folder / NAMESPACE, folder / "other")
    archive = Archive(FolderStore(folder), "other", index)

    [problem] = archive.refresh()

    assert f"it is of namespace {NAMESPACE}" in problem
    assert numbers(archive) == []


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "is empty"),
        ("file://host/x", "write file:///absolute/path"),
        ("s3://user:secret@bucket/x", "give access keys in the environment"),
        ("gopher://bucket", "archive gopher://bucket: "),
    ],
)
def test_a_location_that_names_no_store_is_refused(location: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        open_store(location)

    assert "secret" not in str(refused.value)


def test_a_folder_may_be_given_as_a_path_or_a_url(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)).where == open_store(f"file://{tmp_path}").where
