"""Joining as a person meets it: over TLS, with a link and a token, from nothing to a login."""

import asyncio
import json
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.connection import connect
from rq_agent.broker.embedded import certificate
from rq_agent.broker.errors import AccessDenied, BrokerRefused, BrokerUnavailable
from rq_agent.broker.joining.join import joined
from rq_agent.broker.joining.token import Token
from rq_agent.broker.roles import ROLES, Role

from ...servers import free_port
from ..access.launched import Launched
from .stage import Stage

Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize("role", ROLES)
async def test_who_has_link_and_token_gets_a_login_of_its_own(stage: Stage, role: Role) -> None:
    token = await stage.token(role)

    async with stage.registrar(), stage.relay() as port:
        done = await stage.join(stage.link(role, port), token)
        await stage.until_gone(token)

    async with connect(stage.url(done.user, done.password)) as redis:
        assert await redis.ping()
    member = await stage.member(done.user)
    assert (member.role, member.name, member.key_id) == (role, "ada", stage.person("ada").key_id)
    assert done.user.startswith(f"{role}-ada-")
    assert (done.owner, done.owner_name) == (stage.pair.public, "olga@server")
    assert await stage.users() == {done.user} == await stage.stored_users()
    async with stage.as_token(token) as redis:
        with pytest.raises(AccessDenied, match=r"does not know this token"):
            await redis.ping()


async def test_a_server_with_another_certificate_hears_nothing(stage: Stage) -> None:
    token = await stage.token()
    heard = b""

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += await reader.read(1000)
        writer.close()

    async with listening(impostor, stage.folder / "impostor") as port:
        with pytest.raises(AccessDenied, match=r"shows another certificate .* nothing was sent"):
            await stage.join(stage.link("worker", port), token)

    assert heard == b""
    assert token.user in await stage.users()


async def test_a_wrong_fingerprint_shows_both_beginnings(stage: Stage) -> None:
    token = await stage.token()

    async with stage.registrar(), stage.relay() as port:
        link = stage.link("worker", port, fingerprint=bytes(32))
        with pytest.raises(AccessDenied, match=r"than the link names \(AAAAAAAAAAAA\.\.\.\)"):
            await stage.join(link, token)
        done = await stage.join(stage.link("worker", port), token)

    assert done.user


async def test_who_sits_between_two_handshakes_learns_nothing(stage: Stage) -> None:
    """The first connection meets the right server, the second one another: it must be refused."""
    token = await stage.token()
    other = certificate.ensure(stage.folder / "other")
    turns = 0
    heard: list[bytes] = []

    async def other_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(other_one, "127.0.0.1", 0, ssl=context_of(other))
    wrong = server.sockets[0].getsockname()[1]

    async with stage.relay() as right:

        async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal turns
            turns += 1
            ends = await asyncio.open_connection("127.0.0.1", right if turns == 1 else wrong)
            async with anyio.create_task_group() as tg:
                tg.start_soon(pass_on, reader, ends[1])
                tg.start_soon(pass_on, ends[0], writer)

        between = await asyncio.start_server(switch, "127.0.0.1", 0)
        async with server, between:
            port = between.sockets[0].getsockname()[1]
            with pytest.raises(BrokerUnavailable, match=r"certificate is not trusted"):
                await stage.join(stage.link("worker", port), token)

    assert turns == 2
    assert b"".join(heard) == b""
    assert token.user in await stage.users()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_a_link_with_another_owners_key_is_refused(stage: Stage) -> None:
    token = await stage.token()
    mallory = stage.person("mallory")

    async with stage.registrar(), stage.relay() as port:
        link = stage.link("worker", port, owner=mallory.public)
        with pytest.raises(AccessDenied, match=f"altered.*{mallory.key_id}.*{stage.pair.key_id}"):
            await stage.join(link, token)


async def test_an_expired_token_is_told_what_to_do(stage: Stage) -> None:
    token = await stage.token()
    await stage.tokens.revoke(token.id)

    async with stage.registrar(), stage.relay() as port:
        with pytest.raises(AccessDenied, match=r"expired or was used; .*rq-agent invite worker"):
            await stage.join(stage.link("worker", port), token)


async def test_a_wrong_secret_is_told_the_same(stage: Stage) -> None:
    token = await stage.token()
    wrong = Token(token.id, "0" * 28)

    async with stage.registrar(), stage.relay() as port:
        with pytest.raises(AccessDenied, match=r"expired or was used") as caught:
            await stage.join(stage.link("worker", port), wrong)
        await stage.join(stage.link("worker", port), token)

    assert "0000" not in str(caught.value)


async def test_a_token_does_not_open_another_role(stage: Stage) -> None:
    token = await stage.token("viewer")

    async with stage.registrar(), stage.relay() as port:
        with pytest.raises(AccessDenied, match=r"refused: the token is for the role viewer, and"):
            await stage.join(stage.link("operator", port), token)
        done = await stage.join(stage.link("viewer", port), token)

    assert done.role == "viewer"


async def test_without_a_registrar_nothing_is_lost(stage: Stage) -> None:
    token = await stage.token()

    async with stage.relay() as port:
        link = stage.link("worker", port)
        with pytest.raises(BrokerUnavailable, match=r"nobody there answered .* the token is still"):
            await stage.join(link, token, answer_s=0.3)
        async with stage.registrar():
            done = await stage.join(link, token)

    assert [member.user for member in await stage.members.list()] == [done.user]


async def test_who_is_cut_off_before_he_kept_it_gets_the_same_again(stage: Stage) -> None:
    token = await stage.token("submitter")
    pair = stage.person("ada")

    class CutOff(Exception):
        pass

    async def once(port: int, *, cut: bool) -> tuple[str, str]:
        joining = joined(
            stage.link("submitter", port),
            token,
            name="ada",
            pair=pair,
            folder=stage.folder / "joining",
        )
        async with joining as done:
            if cut:
                raise CutOff(done.user, done.password)
        return done.user, done.password

    async with stage.registrar(), stage.relay() as port:
        with pytest.raises(CutOff) as caught:
            await once(port, cut=True)
        (kept,) = (stage.folder / "joining").iterdir()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        again = await once(port, cut=False)
        await stage.until_gone(token)

    assert again == caught.value.args
    assert len(await stage.members.list()) == 1
    assert list((stage.folder / "joining").iterdir()) == []


async def test_no_secret_stands_in_clear_in_redis_or_in_the_users_file(stage: Stage) -> None:
    token = await stage.token("submitter")

    async with stage.registrar(), stage.relay() as port:
        done = await stage.join(stage.link("submitter", port), token)
    found = [await stage.ns.redis.dump(key) for key in await stage.ns.redis.keys("*")]
    stored = (
        b"".join(each or b"" for each in found) + (stage.socket.parent / "users.acl").read_bytes()
    )

    for secret in (token.password, done.password):
        assert secret.encode() not in stored
    assert done.password not in repr(done)


async def test_a_plain_redis_is_told_apart(
    stage: Stage, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.broker.joining.certificate._TIMEOUT_S", 0.5)
    port = await anyio.to_thread.run_sync(launched.on_port, "redis")
    token = await stage.token()

    with pytest.raises(BrokerUnavailable, match=r"does not speak TLS|does it speak TLS|hung up"):
        await stage.join(stage.link("worker", port), token)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    (tmp_path / "launched").mkdir()
    with Launched(tmp_path / "launched") as servers:
        yield servers


async def test_a_service_that_hangs_up_is_told_apart(stage: Stage) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerRefused, match=r"hung up instead of speaking TLS|not speak TLS"):
            await stage.join(stage.link("worker", port), await stage.token())


async def test_a_web_server_is_told_apart(stage: Stage) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(
            BrokerRefused, match=r"does not speak TLS .*the port that `rq-agent up`"
        ):
            await stage.join(stage.link("worker", port), await stage.token())


async def test_a_silent_port_ends_in_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rq_agent.broker.joining.certificate._TIMEOUT_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        link = stage.link("worker", silent.getsockname()[1])

        with pytest.raises(BrokerUnavailable, match=r"no answer from .* firewall"):
            await stage.join(link, await stage.token())


async def test_nobody_there_and_no_such_host_are_told_apart(stage: Stage) -> None:
    token = await stage.token()

    with pytest.raises(BrokerUnavailable, match=r"nobody listens at .*`rq-agent up --listen`"):
        await stage.join(stage.link("worker", free_port()), token)
    with pytest.raises(BrokerUnavailable, match=r"no host is named nowhere.invalid here"):
        await stage.join(stage.link("worker", 7341, host="nowhere.invalid"), token)


async def test_another_namespace_is_not_opened_by_a_token(stage: Stage) -> None:
    token = await stage.token()

    async with stage.registrar(), stage.relay() as port:
        with pytest.raises(AccessDenied):
            await stage.join(stage.link("worker", port, namespace="other"), token)


async def test_a_server_that_goes_away_meanwhile_is_told(stage: Stage) -> None:
    token = await stage.token()

    async with anyio.create_task_group() as tg, stage.relay() as port:

        async def take_it_back() -> None:
            with anyio.fail_after(10):
                while not await stage.ns.redis.exists(stage.stream(token)):
                    await anyio.sleep(0.01)
            await stage.tokens.revoke(token.id)

        tg.start_soon(take_it_back)
        with pytest.raises(BrokerUnavailable, match=r"token (has )?expired"):
            await stage.join(stage.link("worker", port), token)


async def test_what_is_asked_is_on_disk_before_it_is_sent(stage: Stage) -> None:
    token = await stage.token()

    async with stage.relay() as port:
        with pytest.raises(BrokerUnavailable):
            await stage.join(stage.link("worker", port), token, answer_s=0.2)

    (kept,) = (stage.folder / "ada" / "joining").iterdir()
    asked = json.loads(kept.read_text())
    assert kept.name == f"worker.{token.id}.json"
    assert len(bytes.fromhex(asked["password"])) == 32


def context_of(own: certificate.Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.pem_path, own.key_path)
    return context


@asynccontextmanager
async def listening(serving: Serving, folder: Path) -> AsyncIterator[int]:
    """A TLS server with a certificate of its own."""
    own = certificate.ensure(folder)
    server = await asyncio.start_server(serving, "127.0.0.1", 0, ssl=context_of(own))
    async with server:
        yield server.sockets[0].getsockname()[1]
