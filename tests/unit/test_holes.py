"""Parts of files that are given back to the disk."""

import os
from pathlib import Path

import pytest

from rq_agent.worker.process.holes import data_from, punch
from rq_agent.worker.process.spool import Chunk, Output

MIB = 1024**2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.write_bytes(b"".join(b"%015d\n" % n for n in range(MIB // 16)))
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


def on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_a_hole_takes_no_room_and_leaves_the_rest_in_its_place(path: Path) -> None:
    whole = path.read_bytes()

    end = punch(path, 0, MIB // 2 + 100)

    assert end == MIB // 2
    assert on_disk(path) <= MIB // 2 + 8192
    assert path.stat().st_size == MIB
    assert path.read_bytes()[end:] == whole[end:]
    with path.open("ab") as f:
        f.write(b"more\n")
    assert path.read_bytes().endswith(b"more\n")


@pytest.mark.parametrize(("start", "end"), [(0, 4095), (4096, 4096), (8192, 4096)])
def test_less_than_a_block_is_no_hole(path: Path, start: int, end: int) -> None:
    whole = path.read_bytes()

    assert punch(path, start, end) == start
    assert path.read_bytes() == whole


def test_nothing_behind_the_end_is_made(path: Path) -> None:
    punch(path, 0, 10 * MIB)

    assert path.stat().st_size == MIB


def test_what_a_task_put_in_place_of_its_output_is_left_alone(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x" * MIB)
    path.unlink()
    os.link(precious, path)

    assert punch(path, 0, MIB) == MIB
    path.unlink()
    path.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        punch(path, 0, MIB)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        punch(path, 0, MIB)

    assert precious.read_bytes() == b"x" * MIB


def test_data_begins_behind_a_hole(path: Path) -> None:
    punch(path, 0, MIB // 2)
    with path.open("rb") as f:
        assert data_from(f.fileno(), 100) == MIB // 2
        assert data_from(f.fileno(), MIB // 2 + 5) == MIB // 2 + 5
    punch(path, 0, MIB)
    with path.open("rb") as f:
        assert data_from(f.fileno(), 0) == -1


async def test_a_reader_sees_a_gap_where_the_bytes_were_given_back(path: Path) -> None:
    output, whole = Output(path.parent, limit_bytes=MIB), content(path)
    punch(path, 0, MIB - 4096)

    gap, *rest = await output.read()

    assert gap == Chunk("out", 0, MIB - 4096 + 16, b"", is_gap=True)
    assert b"".join(chunk.data for chunk in rest) == whole[gap.raw_bytes :]
    punch(path, 0, MIB)
    again = await Output(path.parent, limit_bytes=MIB).read(final=True)
    assert again == [Chunk("out", 0, MIB, b"", is_gap=True)]
