from typing import Any

import anyio
import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import (
    CHUNK_BYTES,
    AppendCode,
    Chunk,
    LogBehind,
    LogEntry,
    Logs,
    StreamName,
    split,
)
from rq_agent.broker.namespace import Namespace

ID = TaskId("01abcdefgh000001")


class Held(msgspec.Struct, frozen=True):
    """A token as a worker holds it."""

    task_id: TaskId = ID
    fence: int = 1
    nonce: str = "n1"


TOKEN = Held()


def chunk(offset: int, data: bytes, *, stream: StreamName = "out") -> Chunk:
    return Chunk(stream=stream, offset=offset, raw_bytes=len(data), data=data)


def brief(entries: list[LogEntry]) -> list[tuple[str, int, bytes, int]]:
    return [(e.stream, e.offset, e.data, e.dropped_bytes) for e in entries]


@pytest.fixture
async def logs(namespace: Namespace) -> Logs:
    fields: dict[Any, Any] = {"state": "running", "fence": 1, "nonce": TOKEN.nonce}
    await namespace.redis.hset(keys.task(namespace.prefix, ID), mapping=fields)
    return Logs(namespace)


async def test_a_log_that_nobody_wrote_is_empty(logs: Logs) -> None:
    assert await logs.read(ID, 1) == ([], "0-0/0/0/0")


async def test_output_is_read_in_the_order_it_came_with_the_time_it_came(logs: Logs) -> None:
    chunks = [chunk(0, b"a\xff"), chunk(0, b"warn", stream="err"), chunk(2, b"b")]
    await logs.append(TOKEN, chunks)

    entries, _ = await logs.read(ID, 1)

    assert brief(entries) == [("out", 0, b"a\xff", 0), ("err", 0, b"warn", 0), ("out", 2, b"b", 0)]
    assert all(1.7e9 < e.at < 5e9 for e in entries)


async def test_reading_goes_on_where_the_last_call_ended(logs: Logs) -> None:
    await logs.append(TOKEN, [chunk(n, b"%d" % n) for n in range(5)])

    first, after = await logs.read(ID, 1, count=3)
    rest, end = await logs.read(ID, 1, after)

    assert [e.data for e in first + rest] == [b"0", b"1", b"2", b"3", b"4"]
    assert await logs.read(ID, 1, end) == ([], end)


async def test_output_that_the_worker_left_out_shows_as_a_hole(logs: Logs) -> None:
    await logs.append(TOKEN, [chunk(0, b"ab"), chunk(0, b"e", stream="err")])
    await logs.append(TOKEN, [msgspec.structs.replace(chunk(1_000, b"cd"), after_gap=True)])

    entries, _ = await logs.read(ID, 1)

    assert [(e.data, e.dropped_bytes) for e in entries] == [(b"ab", 0), (b"e", 0), (b"cd", 998)]


async def test_output_that_redis_lost_is_asked_for_again(logs: Logs) -> None:
    assert await logs.ends(ID, 1) == {"out": 0, "err": 0, "sys": 0}
    await logs.append(TOKEN, [chunk(0, b"ab"), chunk(0, b"e", stream="err")])

    with pytest.raises(LogBehind, match=f"lost a part of the output of task {ID}"):
        await logs.append(TOKEN, [chunk(2, b"cd"), chunk(5, b"later")])

    assert await logs.ends(ID, 1) == {"out": 2, "err": 1, "sys": 0}
    await logs.append(TOKEN, [chunk(2, b"cd"), chunk(4, b"!later")])
    entries, _ = await logs.read(ID, 1)
    assert b"".join(e.data for e in entries if e.stream == "out") == b"abcd!later"


async def test_the_first_entry_of_a_log_that_overflowed_tells_how_much_is_gone(logs: Logs) -> None:
    for n in range(20):
        await logs.append(TOKEN, [chunk(n * 100, b"x" * 100)], limit_bytes=1_000)

    entries, _ = await logs.read(ID, 1)

    assert (entries[0].offset, entries[0].dropped_bytes) == (1_400, 1_400)
    assert [e.dropped_bytes for e in entries[1:]] == [0] * 5


async def test_a_slow_reader_sees_the_hole_that_was_cut_behind_its_back(logs: Logs) -> None:
    await logs.append(TOKEN, [chunk(0, b"x" * 100)], limit_bytes=1_000)
    _, after = await logs.read(ID, 1)
    for n in range(1, 20):
        await logs.append(TOKEN, [chunk(n * 100, b"x" * 100)], limit_bytes=1_000)

    entries, _ = await logs.read(ID, 1, after)

    assert (entries[0].offset, entries[0].dropped_bytes) == (1_400, 1_300)


async def test_a_follower_waits_for_output_and_then_gets_it(logs: Logs) -> None:
    got: list[bytes] = []

    async def follow() -> None:
        entries, _ = await logs.read(ID, 1, block_ms=5_000)
        got.extend(e.data for e in entries)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tg:
            tg.start_soon(follow)
            await logs.append(TOKEN, [chunk(0, b"line")])

    assert got == [b"line"]


async def test_more_than_one_call_holds_is_stored_whole(logs: Logs, namespace: Namespace) -> None:
    text = bytes(range(256)) * 2_400

    await logs.append(TOKEN, [chunk(0, text)])

    entries, _ = await logs.read(ID, 1)
    assert b"".join(e.data for e in entries) == text
    assert max(len(e.data) for e in entries) == CHUNK_BYTES
    assert all(e.dropped_bytes == 0 for e in entries)


def test_a_large_chunk_is_split_and_its_last_piece_stands_for_what_was_collapsed() -> None:
    whole = Chunk(stream="out", offset=10, raw_bytes=90_000, data=b"x" * (CHUNK_BYTES + 5))

    pieces = split(whole)

    assert [(p.offset, p.raw_bytes, len(p.data)) for p in pieces] == [
        (10, CHUNK_BYTES, CHUNK_BYTES),
        (10 + CHUNK_BYTES, 90_000 - CHUNK_BYTES, 5),
    ]


@pytest.mark.parametrize("after", ["", "x", "1-0", "1-0/1/2", "0-0/1/2/x", "0-0/1/2/3/4", "$"])
async def test_a_place_that_is_none_is_a_clear_error(logs: Logs, after: str) -> None:
    with pytest.raises(UsageError, match="is not a place in a log"):
        await logs.read(ID, 1, after)


async def test_entries_that_others_wrote_badly_are_read_as_far_as_possible(
    logs: Logs, namespace: Namespace
) -> None:
    await namespace.redis.xadd(
        keys.log(namespace.prefix, ID, 1), {"s": b"\xff", "o": "x", "n": "9" * 5_000, "d": b"data"}
    )

    entries, _ = await logs.read(ID, 1)

    assert brief(entries) == [("\\xff", 0, b"data", 0)]


async def test_output_of_many_attempts_is_stored_in_one_round_trip(namespace: Namespace) -> None:
    tokens = [Held(task_id=TaskId(f"01abcdefgh00000{n}"), fence=2) for n in range(3)]
    for token in (tokens[0], tokens[2]):
        fields: dict[Any, Any] = {"state": "running", "fence": 2, "nonce": TOKEN.nonce}
        await namespace.redis.hset(keys.task(namespace.prefix, token.task_id), mapping=fields)
    first, late = chunk(0, b"a\n"), chunk(9, b"z\n")
    logs = Logs(namespace)

    codes = await logs.append_many(
        [(tokens[0], [first] * 40), (tokens[1], [first]), (tokens[2], [late])]
    )

    assert codes == [AppendCode.STORED, AppendCode.GONE, AppendCode.BEHIND]
    assert (await logs.ends(tokens[0].task_id, 2))["out"] == 2
    assert await logs.append_many([]) == []
