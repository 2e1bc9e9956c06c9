"""The relay, with real servers, real TLS and clients that mean no good."""

import asyncio
import os
import random
import signal
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from redis.asyncio import Redis

from rq_agent.broker import keys, quick_look
from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.embedded.certificate import Certificate, ensure
from rq_agent.broker.errors import BrokerRefused, BrokerUnavailable
from rq_agent.broker.namespace import Namespace

from ...scripts.steps import add, claim_one
from .launched import Launched
from .relayed import Relay, relaying

MIB = b"x" * 2**20
LOGIN = "local:hunter2@"
AUTH = b"AUTH local hunter2\r\n"
PASSWORD = (
    *("--user", "default", "off", "--user"),
    *("local", "on", ">hunter2", "~*", "&*", "+@all"),
)
PLAIN_ANSWER = b"-ERR this port speaks TLS only: use the link that rq-agent up printed\r\n"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return ensure(tmp_path / "tls")


@pytest.fixture
def server(launched: Launched) -> Path:
    return launched.on_socket("valkey", *PASSWORD)


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def relay(
    request: pytest.FixtureRequest, tmp_path: Path, certificate: Certificate, server: Path
) -> Iterator[Relay]:
    with relaying(tmp_path, certificate, server, is_uvloop=request.param) as running:
        yield running


@asynccontextmanager
async def opened(
    relay: Relay, login: bytes = AUTH
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of TLS that has logged in."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", relay.port, ssl=relay.context(), limit=2**22
    )
    if login:
        writer.write(login)
        assert await reader.readline() == b"+OK\r\n"
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def until_closed(reader: asyncio.StreamReader, within_s: float = 10) -> bytes:
    """Return what comes before the end of a connection."""
    with anyio.fail_after(within_s):
        try:
            return await reader.read()
        except (ConnectionError, ssl.SSLError):
            return b""


async def until_log(relay: Relay, text: str) -> None:
    with anyio.fail_after(10):
        while text not in relay.log():
            await anyio.sleep(0.01)


async def until_descriptors(relay: Relay, count: int) -> None:
    """Wait until a relay has no more open than this."""
    process = psutil.Process(relay.process.pid)
    with anyio.fail_after(10):
        while process.num_fds() > count:
            await anyio.sleep(0.01)


async def test_it_serves_both_connections_of_a_worker(relay: Relay) -> None:
    async with connect(relay.url(LOGIN)) as redis, blocking_connection(relay.url(LOGIN)) as waiting:
        ns = await Namespace.open(redis, "lab")
        (task_id,) = await add(ns)
        assert (await claim_one(ns)).task_id == task_id
        got: list[Any] = []

        async def wait() -> None:
            got.append(await waiting.xread({"stream": "0"}, block=5_000))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            with anyio.fail_after(10):
                while not [c for c in await redis.client_list() if c["cmd"] == "xread"]:
                    await anyio.sleep(0.01)
            await redis.xadd("stream", {"a": "b"})
    assert [entries[0][1] for _, entries in got[0]] == [{b"a": b"b"}]


async def test_large_values_come_through_whole(relay: Relay) -> None:
    value = os.urandom(2**20)

    async with connect(relay.url(LOGIN)) as redis:
        for size in (1, 16_384, 16_385, 2**20):
            await redis.set("k", value[:size])
            assert await redis.get("k") == value[:size]


async def test_ten_thousand_commands_in_one_pipeline_keep_their_order(relay: Relay) -> None:
    async with connect(relay.url(LOGIN)) as redis:
        pipe = redis.pipeline(transaction=False)
        for number in range(10_000):
            pipe.echo(str(number))

        answers = await pipe.execute()

    assert answers == [str(number).encode() for number in range(10_000)]


async def test_two_hundred_connections_are_apart(relay: Relay) -> None:
    answers = {}

    async def speak(number: int) -> None:
        async with opened(relay) as (reader, writer):
            for _ in range(3):
                writer.write(b"ECHO %d\r\n" % number)
                await reader.readline()
                answers[number] = await reader.readline()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(speak, number)

    assert answers == {number: b"%d\r\n" % number for number in range(200)}


async def test_another_certificate_is_refused(relay: Relay, tmp_path: Path) -> None:
    wrong = ensure(tmp_path / "other").pem_path

    async with connect(relay.url(LOGIN, pem=wrong)) as redis:
        with pytest.raises(BrokerUnavailable, match="its certificate is not trusted"):
            await redis.ping()


async def test_older_tls_is_refused(relay: Relay) -> None:
    context = relay.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with socket.create_connection(("127.0.0.1", relay.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)

    await until_log(relay, "UNSUPPORTED_PROTOCOL")


@pytest.mark.parametrize(
    "sent",
    [b"*1\r\n$4\r\nPING\r\n", AUTH, b"GET / HTTP/1.1\r\n\r\n", MIB],
    ids=["ping", "login", "http", "large"],
)
async def test_plain_text_is_told_so(relay: Relay, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(sent)

    assert await until_closed(reader) == PLAIN_ANSWER

    writer.close()
    await until_log(relay, "not TLS: 127.0.0.1:")
    assert "hunter2" not in relay.log()


async def test_a_plain_url_is_refused_in_clear_words(relay: Relay) -> None:
    async with connect(f"redis://{LOGIN}127.0.0.1:{relay.port}/0") as redis:
        with pytest.raises(BrokerRefused, match="speaks TLS only") as caught:
            await redis.ping()
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_ends_closes_connections_and_a_new_one_serves_again(
    tmp_path: Path, certificate: Certificate, launched: Launched
) -> None:
    old = launched.on_socket("valkey", *PASSWORD)
    with relaying(tmp_path, certificate, old) as relay:
        async with opened(relay) as (reader, _):
            launched.processes["valkey0"].kill()
            assert await until_closed(reader) == b""
        async with connect(relay.url(LOGIN)) as redis:
            with pytest.raises(BrokerUnavailable, match="does the server behind it run"):
                await redis.ping()
        await until_log(relay, "no server behind")

        new = launched.on_socket("valkey", *PASSWORD)
        old.unlink(missing_ok=True)
        old.symlink_to(new)

        async with connect(relay.url(LOGIN)) as redis:
            assert await redis.ping()


async def test_a_quick_look_goes_through_it(relay: Relay, tmp_path: Path) -> None:
    other = ensure(tmp_path / "other").pem_path
    async with connect(relay.url(LOGIN)) as redis:
        ns = await Namespace.open(redis, "lab")
        (task_id,) = await add(ns)

    async def has_task(ns: Namespace) -> int:
        return int(await ns.redis.exists(keys.task(ns.prefix, task_id)))

    def look(url: str) -> int:
        return quick_look.look(url, "lab", has_task)

    assert await anyio.to_thread.run_sync(look, relay.url(LOGIN)) == 1
    for wrong in (relay.url(LOGIN, pem=other), relay.url(), relay.url("nobody:x@")):
        with pytest.raises(quick_look.NotQuick):
            await anyio.to_thread.run_sync(look, wrong)
    by_name = relay.url(LOGIN).replace("&ssl_check_hostname=false", "")
    with pytest.raises(quick_look.NotQuick):  # the certificate names no host
        await anyio.to_thread.run_sync(look, by_name)


async def test_what_was_sent_before_a_goodbye_is_done(relay: Relay) -> None:
    async with opened(relay) as (_, writer):
        writer.write(b"SET k v\r\n" * 100)
        writer.close()
        with suppress(ssl.SSLError):  # the client's: it gets answers that it does not want any more
            await writer.wait_closed()

    async with connect(relay.url(LOGIN)) as redis:
        with anyio.fail_after(5):
            while await redis.get("k") != b"v":
                await anyio.sleep(0.01)


async def test_what_the_server_says_before_it_closes_arrives(relay: Relay) -> None:
    async with opened(relay) as (reader, writer):
        writer.write(b"SET k %b\r\nGET k\r\nQUIT\r\n" % (b"x" * 50_000))

        said = await until_closed(reader)

    assert said == b"+OK\r\n$50000\r\n" + b"x" * 50_000 + b"\r\n+OK\r\n"


@pytest.mark.parametrize("is_uvloop", [True, False])
@pytest.mark.parametrize(
    "sent",
    [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16" * 5],
    ids=["nothing", "one byte", "half a hello", "nonsense"],
)
async def test_who_is_slow_to_shake_hands_is_let_go(
    tmp_path: Path, certificate: Certificate, server: Path, sent: bytes, is_uvloop: bool
) -> None:
    with relaying(tmp_path, certificate, server, is_uvloop=is_uvloop, GREETING_S=0.3) as relay:
        before = psutil.Process(relay.process.pid).num_fds() + 1  # uvloop keeps one in reserve
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(sent)

        await until_closed(reader)

        writer.close()
        await until_descriptors(relay, before)
        await until_log(relay, "TLS handshake" if sent != b"\x16" * 5 else "before its login")


@pytest.mark.parametrize("is_uvloop", [True, False])
@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"*2\r\n$4\r\nAUTH", b""),
        (b"PING\r\n", b"-NOAUTH Authentication required.\r\n"),
        (b"RESET\r\n", b"+RESET\r\n"),
        (b"AUTH local x\r\n", b"-WRONGPASS "),
    ],
    ids=["nothing", "half a login", "ping", "reset", "wrong password"],
)
async def test_who_does_not_log_in_is_let_go(
    tmp_path: Path,
    certificate: Certificate,
    server: Path,
    sent: bytes,
    answer: bytes,
    is_uvloop: bool,
) -> None:
    with relaying(tmp_path, certificate, server, is_uvloop=is_uvloop, GREETING_S=1.0) as relay:
        before = psutil.Process(relay.process.pid).num_fds() + 1  # uvloop keeps one in reserve
        async with opened(relay, login=b"") as (reader, writer):
            writer.write(sent)

            assert (await until_closed(reader)).startswith(answer)

        await until_descriptors(relay, before)


@pytest.mark.parametrize("is_uvloop", [True, False])
async def test_who_has_logged_in_may_stay(
    tmp_path: Path, certificate: Certificate, server: Path, is_uvloop: bool
) -> None:
    with relaying(tmp_path, certificate, server, is_uvloop=is_uvloop, GREETING_S=0.5) as relay:
        async with opened(relay) as (reader, writer), opened(relay, login=b"") as (stranger, _):
            await until_closed(stranger)

            writer.write(b"PING\r\n")
            assert await reader.readline() == b"+PONG\r\n"


async def test_silent_strangers_keep_nobody_out(
    tmp_path: Path, certificate: Certificate, server: Path
) -> None:
    with relaying(tmp_path, certificate, server, most_connections=16, _MOST_GREETING=8) as relay:
        strangers = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(40)]

        async with opened(relay) as (reader, writer):
            writer.write(b"PING\r\n")
            assert await reader.readline() == b"+PONG\r\n"

        await until_closed(strangers[0][0])
        for _, writer in strangers:
            writer.close()


async def test_further_connections_are_closed_at_once(
    tmp_path: Path, certificate: Certificate, server: Path
) -> None:
    with relaying(tmp_path, certificate, server, most_connections=2) as relay:
        async with opened(relay) as (reader, writer), opened(relay):
            with pytest.raises((ConnectionError, ssl.SSLError)):
                async with opened(relay):
                    pass
            writer.write(b"PING\r\n")
            assert await reader.readline() == b"+PONG\r\n"
        await until_log(relay, "too many connections: 2; one was closed")
        with anyio.fail_after(10):
            while True:
                try:
                    async with opened(relay):
                        break
                except (ConnectionError, ssl.SSLError):
                    await anyio.sleep(0.01)


async def test_a_client_that_never_reads_costs_little_memory(relay: Relay) -> None:
    async with connect(relay.url(LOGIN)) as redis:
        await redis.set("big", MIB)
        before_mib = relay.rss_mib()
        async with opened(relay) as (_, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"GET big\r\n" * 200)
            await writer.drain()
            with anyio.fail_after(20):
                while not await waits_for_a_reader(redis):
                    await anyio.sleep(0.02)

            assert relay.rss_mib() - before_mib < 16
            assert await redis.get("big") == MIB


async def waits_for_a_reader(redis: Redis) -> bool:
    """Return whether the server has answers that it can't get rid of."""
    return any(int(client["omem"]) > 100 * 2**20 for client in await redis.client_list())


async def test_a_server_that_never_reads_costs_little_memory(
    relay: Relay, launched: Launched
) -> None:
    pid = launched.processes["valkey0"].pid
    before_mib = relay.rss_mib()
    async with opened(relay) as (_, writer):
        os.kill(pid, signal.SIGSTOP)
        try:
            with anyio.move_on_after(2) as scope:
                for _ in range(64):
                    writer.write(b"ECHO " + MIB + b"\r\n")
                    await writer.drain()

            assert scope.cancelled_caught
            assert relay.rss_mib() - before_mib < 16
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
async def test_ipv6_and_both(tmp_path: Path, certificate: Certificate, server: Path) -> None:
    with relaying(tmp_path, certificate, server, host="::1") as relay:
        async with connect(relay.url(LOGIN, host="[::1]")) as redis:
            assert await redis.ping()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", relay.port)
    with relaying(tmp_path, certificate, server, host="::") as relay:
        for host in ("[::1]", "127.0.0.1"):
            async with connect(relay.url(LOGIN, host=host)) as redis:
                assert await redis.ping()


async def test_a_name_with_several_addresses_has_one_port(
    tmp_path: Path, certificate: Certificate, server: Path
) -> None:
    with relaying(tmp_path, certificate, server, host="localhost") as relay:
        assert {port for _, port in relay.places} == {relay.port}
        async with connect(relay.url(LOGIN, host="localhost")) as redis:
            assert await redis.ping()


@pytest.mark.parametrize("is_uvloop", [True, False])
async def test_strangers_who_do_anything_leave_nothing_behind(
    tmp_path: Path, certificate: Certificate, server: Path, is_uvloop: bool
) -> None:
    rng = random.Random(7)
    with relaying(tmp_path, certificate, server, is_uvloop=is_uvloop, GREETING_S=0.2) as relay:
        async with opened(relay):
            pass
        process = psutil.Process(relay.process.pid)
        await until_descriptors(relay, 15)
        before, before_mib = process.num_fds() + 1, relay.rss_mib()
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(misbehave, relay, rng, 20)

        await until_descriptors(relay, before)
        assert relay.rss_mib() - before_mib < 16
        async with connect(relay.url(LOGIN)) as redis:
            assert await redis.ping()
        assert "Traceback" not in relay.log()


async def misbehave(relay: Relay, rng: random.Random, times: int) -> None:
    """Connect and break off at any point of a connection's life."""
    for _ in range(times):
        depth, size = rng.randrange(4), rng.choice([0, 1, 5, 100, 100_000])
        context = relay.context() if depth > 1 else None
        login = AUTH if depth == 3 else b""
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=context)
            writer.write(login + b"\x16" * (depth == 1) + rng.randbytes(size))
            if rng.random() < 0.5:
                await reader.read(rng.choice([1, 5, 1000]))
            if rng.random() < 0.5:  # a reset and not a goodbye
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            writer.transport.abort()
