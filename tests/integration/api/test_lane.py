"""One connection with any number of commands under way."""

from collections.abc import AsyncIterator
from uuid import uuid4

import anyio
import anyio.lowlevel
import pytest
from redis.asyncio import Redis
from redis.exceptions import DataError

from rq_agent.broker import client_errors, keys, streams
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerUnavailable, ReplyLost, ServerReadOnly
from rq_agent.broker.lane import Lane
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Inbox
from rq_agent.broker.scripts import Script
from rq_agent.broker.translated import TranslatedRedis

from ...servers import Servers


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[TranslatedRedis]:
    client = connect(f"unix://{servers.socket('redis')}")
    assert isinstance(client, TranslatedRedis)
    yield client
    await client.aclose()


@pytest.fixture
async def lane(redis: TranslatedRedis) -> AsyncIterator[Lane]:
    opened = Lane(redis)
    yield opened
    opened.close()


async def loaded(lane: Lane, text: str) -> str:
    return str((await lane.script_load(text)).decode())


async def test_each_of_many_calls_gets_its_own_answer(lane: Lane) -> None:
    sha, answers = await loaded(lane, "return ARGV[1]"), {}

    async def ask(number: int) -> None:
        answers[number] = await lane.evalsha(sha, 0, number)

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(ask, number)

    assert answers == {n: str(n).encode() for n in range(100)}


async def test_a_cancelled_call_leaves_the_others_their_answers(lane: Lane) -> None:
    sha = await loaded(lane, "return ARGV[1]")

    with anyio.CancelScope() as scope:
        scope.cancel()
        await lane.evalsha(sha, 0, "lost")

    assert await lane.evalsha(sha, 0, "mine") == b"mine"


async def test_a_script_that_is_not_known_is_loaded(lane: Lane) -> None:
    with pytest.raises(client_errors.NoScriptError):
        await lane.evalsha("0" * 40, 0)

    script = Script(lane, "p", "return {KEYS[1], ARGV[1]} -- of this test")  # type: ignore[arg-type]

    assert await script(["a"]) == [b"p", b"a"]


async def test_it_connects_anew_after_a_lost_connection(lane: Lane, redis: TranslatedRedis) -> None:
    sha = await loaded(lane, "return 1")
    await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    with anyio.fail_after(5):
        while True:  # the end of the connection may be seen only by the call after it
            try:
                assert await lane.evalsha(sha, 0) == 1
                return
            except ReplyLost:
                continue


async def test_a_call_that_waits_is_told_that_its_connection_is_gone(lane: Lane) -> None:
    sha = await loaded(lane, "return 1")

    told: list[str] = []

    async def ask() -> None:
        try:
            await lane.evalsha(sha, 0)
        except ReplyLost as e:
            told.append(str(e))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.lowlevel.checkpoint()
        lane.close()

    assert len(told) == 1
    assert "the client was closed" in told[0]
    with pytest.raises(BrokerUnavailable, match="the client was closed"):
        await lane.evalsha(sha, 0)


async def test_it_looks_for_the_primary_after_a_replica_said_no(lane: Lane) -> None:
    sha = await loaded(lane, "return redis.error_reply('READONLY You are one')")
    fine = await loaded(lane, "return 1")

    with pytest.raises(ServerReadOnly):
        await lane.evalsha(sha, 0)

    assert await lane.evalsha(fine, 0) == 1


async def test_lost_connections_go_back_to_the_pool(lane: Lane, redis: TranslatedRedis) -> None:
    redis.connection_pool.max_connections = 2
    sha = await loaded(lane, "return redis.error_reply('READONLY You are one')")

    for _ in range(5):
        with pytest.raises(ServerReadOnly):
            await lane.evalsha(sha, 0)

    assert await redis.execute_command("PING")


async def test_text_that_is_not_utf8_is_sent_as_by_the_client(
    lane: Lane, redis: TranslatedRedis
) -> None:
    sha = await loaded(lane, "return ARGV[1]")

    assert await lane.evalsha(sha, 0, "a\udc80") == await redis.execute_command("ECHO", "a\udc80")


async def test_what_cant_be_sent_leaves_the_others_their_answers(lane: Lane) -> None:
    sha = await loaded(lane, "return ARGV[1]")

    with pytest.raises(DataError):
        await lane.evalsha(sha, 0, object())

    with anyio.fail_after(5):
        assert await lane.evalsha(sha, 0, "mine") == b"mine"


async def test_time_in_which_nobody_waited_does_not_count(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = await loaded(lane, "return ARGV[1]")
    socket = lane._socket
    assert socket is not None
    monkeypatch.setattr(socket, "_answered_s", socket._answered_s - 3600)

    async with anyio.create_task_group() as group:
        group.start_soon(lane.evalsha, sha, 0, "a")
        await anyio.lowlevel.checkpoint()
        assert socket._waiting
        socket._look_at_clock()  # the alarm of a call before

    assert not socket.is_closed


async def test_who_waits_for_room_is_told_at_once_that_the_connection_is_gone(lane: Lane) -> None:
    sha, large = await loaded(lane, "return #ARGV[1]"), "x" * 1_000_000
    told: list[str] = []

    async def ask() -> None:
        try:
            await lane.evalsha(sha, 0, large)
        except ReplyLost as e:
            told.append(str(e))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            lane.close()

    assert len(told) == 20


async def test_large_commands_wait_for_room(lane: Lane) -> None:
    sha, large = await loaded(lane, "return #ARGV[1]"), "x" * 1_000_000
    found: list[int] = []

    async def ask() -> None:
        found.append(await lane.evalsha(sha, 0, large))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)

    assert found == [1_000_000] * 20


@pytest.mark.parametrize("protocol", [2, 3])
async def test_it_reads_streams_as_the_client_does(servers: Servers, protocol: int) -> None:
    client = Redis(unix_socket_path=str(servers.socket("redis")), protocol=protocol)
    lane = Lane(client)
    key = f"lane:{protocol}:{uuid4().hex}"
    await client.xadd(key, {"c": "wake", "q": "one"})
    await client.xadd(key, {"c": "look"})

    found = await streams.read(lane, key, streams.START, count=9, block_ms=None)  # type: ignore[arg-type]
    rest = await streams.read(lane, key, found[-1][0].decode(), count=9, block_ms=1)  # type: ignore[arg-type]
    lane.close()
    await client.aclose()

    assert [fields for _, fields in found] == [{b"c": b"wake", b"q": b"one"}, {b"c": b"look"}]
    assert rest == []


async def test_an_inbox_goes_on_over_a_lane_that_it_gave_up(redis: TranslatedRedis) -> None:
    ns = Namespace(redis, f"lane-{uuid4().hex}")
    lane = Lane(redis, block_s=30)
    inbox = Inbox(ns, "w", lane=lane)
    key = keys.inbox(ns.prefix, "w")
    await redis.xadd(key, {"c": "old"})
    await inbox.start()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.next, 30_000)
            while not (before := await _readers(redis)):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        inbox.give_up()
        while before & await _readers(redis):  # that of a server which the others may have left
            await anyio.lowlevel.checkpoint()
        await redis.xadd(key, {"c": "wake"})
        told = await inbox.next(30_000)
    lane.close()

    assert told == [{"c": "wake"}]


async def _readers(redis: TranslatedRedis) -> set[str]:
    """The connections whose last command was to read a stream."""
    return {one["id"] for one in await redis.client_list() if one["cmd"] == "xread"}
