"""What every store of an archive must do: the meaning of broker/archive/store.py.

A new store adds one line to STORES.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.objects import ObjectsStore
from rq_agent.broker.archive.store import ArchiveMissing, ArchiveStore
from rq_agent.broker.errors import ArchiveUnavailable

Open = Callable[[Path], ArchiveStore]


def folder(place: Path) -> ArchiveStore:
    return FolderStore(place / "archive")


def local_objects(place: Path) -> ArchiveStore:
    return ObjectsStore(LocalStore(place / "archive", mkdir=True), "local objects")


def memory(place: Path) -> ArchiveStore:
    return ObjectsStore(MemoryStore(), "memory")


STORES: list[Open] = [folder, local_objects, memory]
ON_DISK = STORES[:2]


@pytest.fixture(params=STORES, ids=lambda open_: str(open_.__name__))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveStore:
    open_: Open = request.param
    return open_(tmp_path)


def test_what_was_put_comes_back(store: ArchiveStore) -> None:
    store.put("Lab_1/segments/2026-11-21/a.segment", b"0123456789")

    assert store.read("Lab_1/segments/2026-11-21/a.segment") == b"0123456789"
    assert store.size("Lab_1/segments/2026-11-21/a.segment") == 10


@pytest.mark.parametrize(
    ("start", "length", "part"),
    [(0, 3, b"012"), (7, None, b"789"), (8, 9, b"89"), (10, 5, b""), (20, None, b""), (0, 0, b"")],
)
def test_a_part_is_as_long_as_there_is(
    store: ArchiveStore, start: int, length: int | None, part: bytes
) -> None:
    store.put("lab/x", b"0123456789")

    assert store.read("lab/x", start=start, length=length) == part


def test_the_same_file_may_be_put_twice(store: ArchiveStore) -> None:
    store.put("lab/x", b"same")
    store.put("lab/x", b"same")

    assert store.read("lab/x") == b"same"
    assert list(store.list("lab")) == ["lab/x"]


def test_an_empty_file_is_a_file(store: ArchiveStore) -> None:
    store.put("lab/x", b"")

    assert (store.size("lab/x"), store.read("lab/x")) == (0, b"")


def test_what_is_not_there_is_missing_by_name(store: ArchiveStore) -> None:
    store.put("lab/x", b"1")

    assert store.size("lab/y") is None
    with pytest.raises(ArchiveMissing, match="there is no lab/y"):
        store.read("lab/y")


def test_all_files_below_a_folder_are_listed_and_no_others(store: ArchiveStore) -> None:
    assert list(store.list("lab")) == []

    for path in ("lab/a", "lab/b/c", "lab/b/d/e", "lab2/x", "other/y"):
        store.put(path, b"1")

    assert sorted(store.list("lab")) == ["lab/a", "lab/b/c", "lab/b/d/e"]
    assert sorted(store.list("lab/b")) == ["lab/b/c", "lab/b/d/e"]
    assert list(store.list("nothing")) == []


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "lab/../../x", "lab//x", "lab/.x", "lab/"])
def test_no_path_leads_out_of_the_store(store: ArchiveStore, path: str) -> None:
    with pytest.raises(ValueError, match="not a path of an archive"):
        store.put(path, b"1")
    with pytest.raises(ValueError, match="not a path of an archive"):
        store.read(path)


@pytest.mark.parametrize("open_", ON_DISK, ids=lambda open_: str(open_.__name__))
def test_a_place_that_takes_nothing_is_unavailable_by_name(tmp_path: Path, open_: Open) -> None:
    store = open_(tmp_path)
    (tmp_path / "archive").mkdir(exist_ok=True)
    (tmp_path / "archive" / "lab").write_bytes(b"a file where a folder should be")

    with pytest.raises(ArchiveUnavailable, match="archive "):
        store.put("lab/x", b"1")

    assert (tmp_path / "archive" / "lab").read_bytes() == b"a file where a folder should be"


def test_only_its_user_may_enter_a_folder_that_was_not_there(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)

    FolderStore(tmp_path / "archive").put("lab/x", b"1")
    FolderStore(shared).put("lab/x", b"1")

    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700
    assert shared.stat().st_mode & 0o777 == 0o750


def test_a_folder_is_made_by_the_first_write_only(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")

    assert list(store.list("lab")) == []
    assert not (tmp_path / "archive").exists()
    store.put("lab/x", b"1")

    assert os.listdir(tmp_path / "archive" / "lab") == ["x"]


def test_what_a_folder_lies_in_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnavailable, match="/disk does not exist: is it mounted"):
        FolderStore(tmp_path / "disk" / "archive").put("lab/x", b"1")

    assert os.listdir(tmp_path) == []
