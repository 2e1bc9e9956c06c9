"""The joiner: makes sure of the server, shows its token, and gets a login of its own."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import anyio
import msgspec
from redis.asyncio import Redis

from .. import keys, streams
from ..connection import blocking_connection, connect
from ..errors import AccessDenied, BrokerUnavailable, TrustError
from ..keypair import KeyPair, key_id_of
from ..refused_logins import used_up
from ..roles import Role
from . import certificate
from .link import JoinLink
from .pending import Asked, Pending
from .request import Answer, Kind, fields_of, parse_answer, read, request_id
from .token import Token

ANSWER_S: Final = 35.0
"""A little longer than a registrar takes a request for fresh."""
_BLOCK_MS: Final = 2_000
_BATCH: Final = 16
_LONGEST_NAME: Final = 255


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A login of one's own. `url` and `password` are secrets."""

    user: str
    password: str
    url: str
    """With the password, without the certificate: it is pinned by where its file will be."""
    namespace: str
    role: Role
    queues: tuple[str, ...]
    pem: bytes
    """The only certificate that the server may show."""
    owner: bytes
    """Raw public key of who signs the keyring."""
    owner_name: str
    serial: int
    """Of the keyring: an older one does not count."""

    def __repr__(self) -> str:
        return f"<Joined {self.user}>"


@asynccontextmanager
async def joined(
    link: JoinLink,
    token: Token,
    *,
    name: str,
    pair: KeyPair,
    folder: Path,
    answer_s: float = ANSWER_S,
) -> AsyncIterator[Joined]:
    """Join; the body keeps what came of it. The token is given back when the body is done.

    Whoever is cut off before that repeats the same within two minutes, and gets the same.

    Args:
        link: where, and as what.
        token: that was handed over with it.
        name: of this machine or person, for the login's name.
        pair: the key that this home signs with.
        folder: where requests are kept that were not answered yet.
        answer_s: how long to wait for the registrar.

    Raises:
        AccessDenied: another server, or the token or the request were refused.
        BrokerUnavailable: nobody answers; the token can be used again.
        TrustError: a file of this home can't be used.
    """
    pem = await certificate.fetch(link)
    pending = Pending(folder, link, token)
    asked = pending.load() or pending.begin(name=name, link=link, pair=pair)
    with _pinned(pem) as pin:
        url = _url(link, token.user, token.password, pin)
        async with _client(url) as client:
            stream = keys.join(keys.prefix(link.namespace), token.id)
            try:
                answer = await _ask(client, stream, link, token, asked, answer_s)
                _check_accepted(answer, link)
            except AccessDenied:
                pending.forget()
                raise
            await _try_login(_url(link, answer.user, asked.password, pin), answer.user)
            yield _joined(link, answer, asked, pem)
            pending.forget()
            await _say_done(client, stream, token, answer)


def _joined(link: JoinLink, answer: Answer, asked: Asked, pem: str) -> Joined:
    return Joined(
        user=answer.user,
        password=asked.password,
        url=_url(link, answer.user, asked.password),
        namespace=link.namespace,
        role=link.role,
        queues=answer.queues,
        pem=pem.encode(),
        owner=link.owner,
        owner_name=answer.owner[:_LONGEST_NAME] or link.place,
        serial=answer.serial,
    )


async def _ask(
    client: Redis, stream: str, link: JoinLink, token: Token, asked: Asked, answer_s: float
) -> Answer:
    """Say what is asked for until there is an answer to it."""
    request = request_id(asked.content)
    fields = fields_of(Kind.REQUEST, asked.content, token.mac_key)
    last = streams.START
    with anyio.move_on_after(answer_s):
        await _login(client, link, token)
        with _token_ended(link):
            await client.xadd(stream, fields)  # type: ignore[arg-type]
            while True:
                entries = await streams.read(client, stream, last, count=_BATCH, block_ms=_BLOCK_MS)
                for entry_id, said in entries:
                    last = entry_id.decode("ascii")
                    message = read(said, token.mac_key)
                    if message is None or message.kind is not Kind.ANSWER:
                        continue
                    answer = parse_answer(message.content)
                    if answer.request == request:
                        return answer
    raise BrokerUnavailable(
        f"the server at {link.place} let the token in, but nobody there answered within "
        f"{answer_s:.0f} s: is `rq-agent up` running on it? Nothing is lost: the token is still "
        "valid, so try again"
    )


def _check_accepted(answer: Answer, link: JoinLink) -> None:
    if answer.problem:
        raise AccessDenied(f"the server at {link.place} refused: {answer.problem}")
    if answer.keeper and answer.keeper != link.owner:  # the MAC says that it is the registrar's
        raise AccessDenied(
            f"the link was altered: it names the owner's key {key_id_of(link.owner)}, and the owner of "
            f"the server at {link.place} has {key_id_of(answer.keeper)}; nothing of it is trusted here. "
            "The token is used up: ask for a new one, and how somebody else came by this link"
        )


async def _login(client: Redis, link: JoinLink, token: Token) -> None:
    try:
        await client.ping()
    except AccessDenied as e:
        raise AccessDenied(used_up(link.role)) from e


@contextmanager
def _token_ended(link: JoinLink) -> Iterator[None]:
    """A server that hangs up has taken the token back; one that is gone is another matter."""
    try:
        yield
    except AccessDenied as e:
        raise AccessDenied(used_up(link.role)) from e
    except BrokerUnavailable as e:
        raise BrokerUnavailable(
            f"{e}; if the token expired just now, ask for a new one: rq-agent invite {link.role}"
        ) from e


async def _try_login(url: str, user: str) -> None:
    async with connect(url) as client:
        try:
            await client.ping()
        except AccessDenied as e:
            raise TrustError(f"the server gave the login {user}, but does not let it in") from e


async def _say_done(client: Redis, stream: str, token: Token, answer: Answer) -> None:
    with suppress(BrokerUnavailable):  # it then ends by itself
        fields = fields_of(Kind.DONE, answer.request.encode(), token.mac_key)
        await client.xadd(stream, fields)  # type: ignore[arg-type]


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[Redis]:
    client = blocking_connection(url, block_s=_BLOCK_MS / 1000, client_name="rq-agent:join")
    try:
        yield client
    finally:
        with anyio.CancelScope(shield=True):
            await client.aclose()


@contextmanager
def _pinned(pem: str) -> Iterator[Path]:
    """Yield a file with the only certificate that connections may trust."""
    descriptor, name = tempfile.mkstemp(prefix="rq-agent-", suffix=".pem")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(pem)
        yield Path(name)
    finally:
        os.unlink(name)


def _url(link: JoinLink, user: str, password: str, pin: Path | None = None) -> str:
    options = {"ssl_ca_certs": str(pin), "ssl_check_hostname": "false"} if pin else {}
    query = f"?{urlencode(options)}" if options else ""
    return f"rediss://{user}:{password}@{link.place}/0{query}"
