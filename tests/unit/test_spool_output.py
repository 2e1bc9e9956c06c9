import os
from pathlib import Path

import pytest

from rq_agent.worker.process.spool import Chunk, Output


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as f:
        f.write(content)


async def test_output_returns_each_stream_once_and_in_order(tmp_path: Path) -> None:
    output = Output(tmp_path)
    assert await output.read() == []
    append(tmp_path / "out", b"one\ntwo\n")
    append(tmp_path / "err", b"oops \xff\n")

    first = await output.read()
    append(tmp_path / "out", b"three\n")
    second = await output.read()

    assert first == [Chunk("out", 0, 8, b"one\ntwo\n"), Chunk("err", 0, 7, b"oops \xff\n")]
    assert second == [Chunk("out", 8, 6, b"three\n")]
    assert await output.read() == []


async def test_the_end_of_a_progress_bar_comes_before_what_was_printed_after_it(
    tmp_path: Path,
) -> None:
    output = Output(tmp_path)
    append(tmp_path / "err", b" 50%")
    await output.read()
    await output.read()

    append(tmp_path / "err", b"\r100%\n")
    append(tmp_path / "out", b"done\n")
    ended = await output.read()
    append(tmp_path / "err", b"bye\n")
    append(tmp_path / "out", b"more\n")

    assert [chunk.stream for chunk in ended] == ["err", "out"]
    assert [chunk.stream for chunk in await output.read()] == ["out", "err"]


async def test_a_line_without_an_end_waits_for_one_call(tmp_path: Path) -> None:
    output = Output(tmp_path)
    append(tmp_path / "out", b"Loading")

    assert await output.read() == []
    assert await output.read() == [Chunk("out", 0, 7, b"Loading")]
    assert await output.read() == []


async def test_the_last_line_is_shipped_at_the_end(tmp_path: Path) -> None:
    output = Output(tmp_path)
    append(tmp_path / "out", b"bye \xe2\x82")
    append(tmp_path / "err", b"99%\r")

    assert await output.read(final=True) == [
        Chunk("out", 0, 6, b"bye \xe2\x82"),
        Chunk("err", 0, 4, b"99%"),
    ]


async def test_a_bar_is_shipped_at_each_call_over_the_one_before(tmp_path: Path) -> None:
    output = Output(tmp_path)
    seen = []
    for step in (b"\r 10%\r 20%", b"\r 30%\r 40%", b"\r100%\nsaved\n"):
        append(tmp_path / "err", step)
        seen += [chunk.data for chunk in await output.read()]

    assert seen == [b" 20%", b"\r 40%", b"\r100%\nsaved\n"]


async def test_a_new_output_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    append(tmp_path / "err", b"kept\n 10%\r 20%")
    before = Output(tmp_path)
    await before.read()
    append(tmp_path / "err", b"\r 30%\n")

    after = Output(tmp_path, offsets=before.offsets)

    assert await after.read() == [Chunk("err", 14, 6, b"\r 30%\n")]


@pytest.mark.parametrize("limit_bytes", [83 * 12, 1000])
async def test_too_much_output_leaves_a_gap_up_to_a_line(tmp_path: Path, limit_bytes: int) -> None:
    lines = [b"line %06d\n" % number for number in range(10_000)]
    append(tmp_path / "out", b"".join(lines))

    gap, *rest = await Output(tmp_path, limit_bytes=limit_bytes).read()

    assert gap == Chunk("out", 0, (10_000 - 83) * 12, b"", is_gap=True)
    assert b"".join(chunk.data for chunk in rest) == b"".join(lines[-83:])
    assert rest[0].offset == gap.raw_bytes


async def test_a_gap_in_a_long_line_ends_between_characters(tmp_path: Path) -> None:
    append(tmp_path / "out", "€".encode() * 1000)

    gap, *rest = await Output(tmp_path, limit_bytes=100).read(final=True)

    assert gap.is_gap
    assert rest[0].data.decode() == "€" * 33
    assert gap.raw_bytes + rest[0].raw_bytes == 3000


async def test_a_hundred_megabytes_are_read_within_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as f:
        f.seek(98 * 1024 * 1024)
        f.write(bytes(2 * 1024 * 1024))

    chunks = await Output(tmp_path).read(final=True)

    assert sum(chunk.raw_bytes for chunk in chunks) == 100 * 1024 * 1024
    assert sum(len(chunk.data) for chunk in chunks) == 1024 * 1024


async def test_what_was_read_is_read_again_from_any_place_on(tmp_path: Path) -> None:
    output = Output(tmp_path)
    append(tmp_path / "out", b"one\ntwo\n")
    append(tmp_path / "err", b"oops\n")
    await output.read()

    output.go_to({"out": 4, "err": 5})

    assert await output.read() == [Chunk("out", 4, 4, b"two\n")]


async def test_a_file_that_the_task_cut_is_read_from_its_start(tmp_path: Path) -> None:
    output = Output(tmp_path)
    append(tmp_path / "err", b"a long first message\n")
    await output.read()
    os.truncate(tmp_path / "err", 0)
    append(tmp_path / "err", b"short\n")

    assert await output.read() == [Chunk("err", 0, 6, b"short\n")]


@pytest.mark.parametrize("limit_bytes", [1, 7, 1000])
async def test_chunks_cover_the_file_without_a_hole(tmp_path: Path, limit_bytes: int) -> None:
    output = Output(tmp_path, limit_bytes=limit_bytes)
    at = 0
    for number in range(20):
        append(tmp_path / "out", b"ab\rc\xc3\n"[: number % 7] * number)
        for chunk in await output.read(final=number == 19):
            assert chunk.offset == at
            at += chunk.raw_bytes

    assert at == (tmp_path / "out").stat().st_size
