"""A server with users and a way in over TLS, an owner, and people who join."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from redis.asyncio import Redis

from rq_agent.broker import keys
from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.embedded import certificate
from rq_agent.broker.embedded.relay import Places, serve
from rq_agent.broker.joining.join import Joined, joined
from rq_agent.broker.joining.link import JoinLink
from rq_agent.broker.joining.members import Members
from rq_agent.broker.joining.owner import Owner
from rq_agent.broker.joining.records import Member
from rq_agent.broker.joining.registrar import BLOCK_MS, Registrar
from rq_agent.broker.joining.request import Kind, fields_of, read
from rq_agent.broker.joining.token import Token
from rq_agent.broker.joining.tokens import Tokens
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.roles import Role
from rq_agent.broker.trust import TrustFile

DEADLINE_S: Final = 30.0
LOCAL_PASSWORD: Final = "of the server's own machine"
HOUR_MS: Final = 3_600_000


class Stage:
    """What a test of joining works with."""

    def __init__(self, socket: Path, namespace: Namespace, folder: Path) -> None:
        self.socket = socket
        self.ns = namespace
        self.folder = folder
        self.pair = KeyPair.load_or_create(folder / "owner" / "keys", "olga@server")
        self.trust = TrustFile(folder / "owner" / "trust.json")
        self.owner = Owner(namespace, self.pair, self.trust)
        self.tokens = Tokens(namespace)
        self.members = Members(namespace)
        self.certificate = certificate.ensure(folder / "tls")

    def url(self, user: str = "local", password: str = LOCAL_PASSWORD) -> str:
        """Return the address of the private socket, for a user."""
        return f"unix://{user}:{password.replace(' ', '%20')}@{self.socket}"

    @asynccontextmanager
    async def registrar(self) -> AsyncIterator[Registrar]:
        """Run a registrar as long as the body runs."""
        async with self.second() as blocking, anyio.create_task_group() as tg:
            registrar = Registrar(self.ns, blocking, self.pair, self.trust)
            prepared = anyio.Event()
            tg.start_soon(partial(registrar.run, ready=prepared.set))
            with anyio.fail_after(DEADLINE_S):
                await prepared.wait()
            yield registrar
            tg.cancel_scope.cancel()

    @asynccontextmanager
    async def second(self) -> AsyncIterator[Namespace]:
        """Open the namespace once more, for commands that block."""
        async with _closing(blocking_connection(self.url(), block_s=BLOCK_MS / 1000)) as redis:
            yield await Namespace.open(redis, self.ns.name)

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[int]:
        """Let people in over TLS as long as the body runs; yields the port."""
        found: list[int] = []
        opened = anyio.Event()

        def ready(places: Places) -> None:
            found.append(places[0][1])
            opened.set()

        async with anyio.create_task_group() as tg:
            tg.start_soon(
                partial(serve, "127.0.0.1", 0, self.socket, self.certificate, ready=ready)
            )
            with anyio.fail_after(DEADLINE_S):
                await opened.wait()
            yield found[0]
            tg.cancel_scope.cancel()

    def link(self, role: Role, port: int, **changes: Any) -> JoinLink:
        """Return a link to the relay."""
        fields: dict[str, Any] = {
            "role": role,
            "host": "127.0.0.1",
            "port": port,
            "namespace": self.ns.name,
            "owner": self.pair.public,
            "fingerprint": self.certificate.fingerprint,
        }
        return JoinLink(**fields | changes)

    async def token(self, role: Role = "worker", **terms: Any) -> Token:
        """Make a token."""
        return await self.tokens.create(role, **{"expires_ms": HOUR_MS} | terms)

    def person(self, name: str) -> KeyPair:
        """Return the key of somebody with a home of his own."""
        return KeyPair.load_or_create(self.folder / name / "keys", f"{name}@laptop")

    async def join(
        self, link: JoinLink, token: Token, *, name: str = "ada", answer_s: float = DEADLINE_S
    ) -> Joined:
        """Join as somebody, and keep it."""
        joining = joined(
            link,
            token,
            name=name,
            pair=self.person(name),
            folder=self.folder / name / "joining",
            answer_s=answer_s,
        )
        with anyio.fail_after(DEADLINE_S):
            async with joining as kept:
                return kept

    @asynccontextmanager
    async def as_token(self, token: Token) -> AsyncIterator[Redis]:
        """Log in with a token, on the private socket."""
        async with _closing(blocking_connection(self.url(token.user, token.password))) as redis:
            yield redis

    async def say(self, redis: Redis, token: Token, content: bytes, **terms: Any) -> None:
        """Say something with a token; `fields` instead of what would be right."""
        fields: Any = terms.get("fields") or fields_of(Kind.REQUEST, content, token.mac_key)
        await redis.xadd(self.stream(token), fields, id=terms.get("id", "*"))

    def stream(self, token: Token) -> str:
        """Return the stream of a token."""
        return keys.join(self.ns.prefix, token.id)

    async def answers(self, redis: Redis, token: Token, count: int = 1) -> list[bytes]:
        """Wait until so many answers were given to a token, and return them."""
        found: list[bytes] = []
        last = "0-0"
        with anyio.fail_after(DEADLINE_S):
            while len(found) < count:
                replies: Any = await redis.xread({self.stream(token): last}, block=1_000)
                for entry_id, said in replies[0][1] if replies else []:
                    last = entry_id
                    message = read(said, token.mac_key)
                    if message is not None and message.kind is Kind.ANSWER:
                        found.append(message.content)
        return found

    async def users(self) -> set[str]:
        """Return the users of the server, without the two that are always there."""
        found: Any = await self.ns.redis.execute_command("ACL", "USERS")  # type: ignore[no-untyped-call]
        return {user.decode() for user in found} - {"default", "local"}

    async def stored_users(self) -> set[str]:
        """Return the users that the server would have after a restart."""
        lines = (self.socket.parent / "users.acl").read_text().splitlines()
        return {line.split()[1] for line in lines} - {"default", "local"}

    async def until_gone(self, token: Token) -> None:
        """Wait until a token is gone."""
        with anyio.fail_after(DEADLINE_S):
            while token.id in await self.tokens.open():
                await anyio.sleep(0.01)  # the server tells nobody

    async def member(self, user: str) -> Member:
        """Return a member that must be there."""
        found = await self.members.find(user)
        assert found is not None
        return found


@asynccontextmanager
async def _closing(redis: Redis) -> AsyncIterator[Redis]:
    """Close a client, also when the test was cancelled."""
    try:
        yield redis
    finally:
        with anyio.CancelScope(shield=True):
            await redis.aclose()


@asynccontextmanager
async def open_stage(socket: Path, folder: Path) -> AsyncIterator[Stage]:
    """Open a namespace of its own on a server with users."""
    login = f"local:{LOCAL_PASSWORD.replace(' ', '%20')}"
    async with connect(f"unix://{login}@{socket}") as redis:
        yield Stage(socket, await Namespace.open(redis, f"j{secrets.token_hex(4)}"), folder)
