"""Users of the server: made for tokens and for whoever joined, and taken away again."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from .. import durability, keys
from ..decoding import text, texts
from ..errors import BrokerRefused
from ..namespace import Namespace
from ..roles import rules
from .records import Member
from .token import USER_PREFIX

_OF_TOKENS = ("+ping", "+select", "+client|setname", "+xadd", "+xrange", "+xread")


class Logins:
    """Needs the right to use ACL: the login of whoever runs the server."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._admin = ns.redis

    async def let_token_in(self, token_id: str, password_sha256: str) -> None:
        """Make the user of a token: it can use one stream, and nothing else."""
        stream = keys.join(self._ns.prefix, token_id)
        await self._set(f"{USER_PREFIX}{token_id}", password_sha256, token_rules(stream))

    async def let_member_in(self, member: Member, password_sha256: str) -> None:
        """Make the user of a member, with the rights of its role."""
        knows = durability.knows_waitaof(await self._admin.info("server"))
        words = rules(member.role, self._ns.name, knows_waitaof=knows)
        await self._set(member.user, password_sha256, words)

    async def take_away(self, user: str) -> int | None:
        """Delete a user and end its connections.

        Returns:
            How many connections it had; None if there is no such user.
        """
        if await self._keys_of(user) is None:
            return None
        await self._send("ACL", "SETUSER", user, "off")
        ended = await self._send("CLIENT", "KILL", "USER", user)
        await self._send("ACL", "DELUSER", user)
        await self.save()
        return int(ended)

    async def names(self) -> frozenset[str]:
        """Return the names of all users of the server."""
        return frozenset(texts(await self._send("ACL", "USERS")))

    async def tokens(self) -> list[str]:
        """Return the ids of the tokens of this namespace that have a user."""
        ids = (n.removeprefix(USER_PREFIX) for n in await self.names() if n.startswith(USER_PREFIX))
        found = []
        for token_id in ids:
            stream = keys.join(self._ns.prefix, token_id)
            if f"~{stream}" in (await self._keys_of(f"{USER_PREFIX}{token_id}") or ()):
                found.append(token_id)
        return found

    async def save(self) -> None:
        """Write the users to the server's file.

        Raises:
            BrokerRefused: the server has none, so it would forget them.
        """
        try:
            await self._send("ACL", "SAVE")
        except ResponseError as e:
            raise BrokerRefused(
                f"the server can't keep its users: {e}; set aclfile in its configuration"
            ) from e

    async def _send(self, *command: str) -> Any:
        return await self._admin.execute_command(*command)  # type: ignore[no-untyped-call]

    async def _set(self, user: str, password_sha256: str, words: Sequence[str]) -> None:
        words = ("reset", "on", f"#{password_sha256}", *words)
        await self._send("ACL", "SETUSER", user, *words)
        await self.save()

    async def _keys_of(self, user: str) -> list[str] | None:
        """Return the patterns of keys that a user may use, each with ~; None without the user."""
        answer = await self._send("ACL", "GETUSER", user)
        if answer is None:
            return None
        if not isinstance(answer, dict):
            answer = dict(zip(texts(answer[::2]), answer[1::2], strict=True))
        found = answer["keys"]
        if isinstance(found, (bytes, str)):  # since Redis 7 one text, with ~ in front of each
            return (text(found) if isinstance(found, bytes) else found).split()
        return [f"~{each}" for each in texts(found)]


def token_rules(stream: str) -> tuple[str, ...]:
    """Return what the user of a token may. Pure."""
    return ("resetkeys", f"~{stream}", "resetchannels", "-@all", *_OF_TOKENS)
