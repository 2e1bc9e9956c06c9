"""An archive that is not mounted is not taken for an empty one."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.marking import MARK
from rq_agent.broker.archive.objects import ObjectsStore
from rq_agent.broker.archive.writing import Writer
from rq_agent.broker.errors import ArchiveUnavailable
from rq_agent.broker.namespace import Namespace

from ...scripts.retiring import collect, purge
from .archives import due, files, kept, opened, segments, write


def unmount(folder: Path) -> Path:
    """Leave the empty folder behind that a file system is mounted on; return where it is now."""
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()
    return away


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def mount(away: Path, folder: Path) -> None:
    folder.rmdir()
    away.rename(folder)


async def test_the_first_write_marks_an_archive(ns: Namespace, folder: Path) -> None:
    await write(ns, folder)  # even where nothing ended yet

    assert listed(folder) == [MARK]


async def test_an_object_store_is_marked_too(ns: Namespace) -> None:
    store = ObjectsStore(MemoryStore(), "memory")
    await due(ns)
    await Writer(ns, store).write()

    assert store.size(MARK)
    with pytest.raises(ArchiveUnavailable, match=f"archive another: .* file {MARK} is not there"):
        await Writer(ns, ObjectsStore(MemoryStore(), "another")).write()


async def test_a_place_where_the_archive_is_not_mounted_is_not_written_to(
    ns: Namespace, folder: Path
) -> None:
    first = await due(ns)
    await write(ns, folder)
    assert (await purge(ns)).purged == 1  # nothing in redis tells of it now
    away = unmount(folder)
    second = await due(ns)

    with pytest.raises(ArchiveUnavailable, match=r"archive .*/archive: .* is it mounted\?"):
        await write(ns, folder)

    assert listed(folder) == []
    mount(away, folder)
    assert (await write(ns, folder)).noted == 1  # nobody holds what could not be written
    assert kept(ns, folder) == [first, second]


async def test_an_archive_that_vanishes_while_it_is_written_has_nothing(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await due(ns)
    put = FolderStore.put

    def unmounted_before(self: FolderStore, path: str, content: bytes) -> None:
        if path.endswith(".segment"):
            unmount(folder)
        put(self, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "put", unmounted_before)
        with pytest.raises(ArchiveUnavailable, match="is it mounted"):
            await write(ns, folder)

    assert len(segments(folder)) == 1
    assert (await purge(ns)).purged == 0
    assert [task.task_id for task in await collect(ns)] == [task_id]


async def test_another_archive_is_begun_by_its_mark(ns: Namespace, folder: Path) -> None:
    await due(ns)
    await write(ns, folder)
    unmount(folder)
    (folder / MARK).touch()
    task_id = await due(ns)

    assert (await write(ns, folder)).noted == 1

    assert kept(ns, folder) == [task_id]


async def test_a_reader_forgets_nothing_of_an_archive_that_is_not_mounted(
    ns: Namespace, folder: Path
) -> None:
    task_id = await due(ns)
    await write(ns, folder)
    archive = opened(ns, folder)
    away = unmount(folder)

    with pytest.raises(ArchiveUnavailable, match=r"nothing is there any more: is it mounted\?"):
        archive.refresh()

    mount(away, folder)
    assert archive.get(task_id) is not None


async def test_a_reader_believes_an_archive_whose_days_were_all_removed(
    ns: Namespace, folder: Path
) -> None:
    task_id = await due(ns)
    await write(ns, folder)
    archive = opened(ns, folder)
    for path in segments(folder):
        path.unlink()

    assert archive.refresh() == []
    assert archive.get(task_id) is None
    assert files(folder) != []
