"""The form of a segment: any damage is noticed where it is read."""

import random
from collections.abc import Callable

import pytest

from rq_agent.broker.archive import segment
from rq_agent.broker.archive.copies import TaskCopy
from rq_agent.broker.archive.segment import encode, read_block, read_table
from rq_agent.broker.errors import ArchiveDamaged

from .copies import DAY_MS, copy_of


def reader(content: bytes) -> Callable[[int, int], bytes]:
    return lambda start, length: content[start : start + length]


def all_of(path: str, content: bytes) -> list[TaskCopy]:
    read = reader(content)
    table = read_table(path, len(content), read)
    blocks = [read_block(path, block, read) for block in table.blocks]
    return [blocks[meta.block][meta.place] for meta in table.tasks]


def test_all_tasks_come_back_as_they_were() -> None:
    copies = [copy_of(number, labels=b'{"a":"b"}') for number in range(1000)]

    assert all_of(*encode("lab", copies)) == copies


def test_the_same_tasks_make_the_same_file() -> None:
    copies = [copy_of(1), copy_of(2)]

    assert encode("lab", copies) == encode("lab", [copy_of(1), copy_of(2)])
    assert encode("lab", copies)[0] != encode("lab", [copy_of(1), copy_of(3)])[0]


def test_a_segment_lies_under_the_day_of_its_newest_end() -> None:
    copies = [copy_of(1, finished_ms=3 * DAY_MS), copy_of(2, finished_ms=1)]

    assert encode("lab", copies)[0].startswith("1970-01-04/")
    assert encode("lab", [copy_of(1, finished_ms=10**14)])[0].startswith("5138-11-16/")
    assert encode("lab", [copy_of(1, finished_ms=-1)])[0].startswith("1970-01-01/")


def test_large_tasks_have_blocks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_BLOCK_BYTES", 5_000)
    copies = [copy_of(n, params="x" * (6_000 if n == 2 else 10)) for n in range(4)]

    path, content = encode("lab", copies)

    table = read_table(path, len(content), reader(content))
    assert [meta.block for meta in table.tasks] == [0, 0, 0, 1]
    assert all_of(path, content) == copies


@pytest.mark.parametrize("seed", range(40))
def test_any_altered_byte_is_noticed(seed: int) -> None:
    path, content = encode("lab", [copy_of(number) for number in range(20)])
    random_ = random.Random(seed)
    at = random_.randrange(len(segment.MAGIC), len(content))
    altered = bytearray(content)
    altered[at] ^= 1 << random_.randrange(8)

    with pytest.raises(ArchiveDamaged, match=path):
        all_of(path, bytes(altered))


@pytest.mark.parametrize("kept", [0, 1, 8, 15, 16, 24, 100, -1, -8, -16, -17])
def test_a_file_that_was_cut_short_is_noticed(kept: int) -> None:
    path, content = encode("lab", [copy_of(number) for number in range(20)])

    with pytest.raises(ArchiveDamaged, match="cut short"):
        all_of(path, content[:kept])


def test_damage_of_one_block_leaves_the_others_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_BLOCK_BYTES", 100)
    copies = [copy_of(number) for number in range(3)]
    path, content = encode("lab", copies)
    table = read_table(path, len(content), reader(content))
    altered = bytearray(content)
    altered[table.blocks[1].start] ^= 255

    read = reader(bytes(altered))
    assert read_block(path, table.blocks[0], read) == [copies[0]]
    assert read_block(path, table.blocks[2], read) == [copies[2]]
    with pytest.raises(ArchiveDamaged, match=f"the block at {table.blocks[1].start} was altered"):
        read_block(path, table.blocks[1], read)


@pytest.mark.parametrize(
    "record",
    [
        {b"finished_ms": b"\xff" * 1_000_000},
        {b"name": b"\xf0\x28\x8c\x28" * 1000, b"user": b"\x00"},
        {},
        {b"definition": b"\xed\xa0\x80"},
    ],
)
def test_a_hostile_record_is_kept_as_it_is(record: dict[bytes, bytes]) -> None:
    hostile = TaskCopy(id="0" * 16, task=record, extra={b"labels": b"[" * 10_000})

    assert all_of(*encode("lab", [hostile])) == [hostile]


def test_a_table_that_would_fill_the_memory_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    path, content = encode("lab", [copy_of(n) for n in range(50)])
    table = read_table(path, len(content), reader(content))
    monkeypatch.setattr(segment, "_MOST_RAW_BYTES", 100)

    with pytest.raises(ArchiveDamaged, match="table is malformed"):
        read_table(path, len(content), reader(content))
    with pytest.raises(ArchiveDamaged, match="block at 8 is malformed"):
        read_block(path, table.blocks[0], reader(content))
