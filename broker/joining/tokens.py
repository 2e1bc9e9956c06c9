"""The open tokens of a namespace: made, listed, used, and taken back."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from .. import keys
from ..decoding import text
from ..errors import TrustError, UsageError
from ..namespace import Namespace
from ..roles import Role
from ..trusted_key import check_patterns
from . import token as token_text
from .clock import now_ms
from .logins import Logins
from .records import (
    MAX_OPEN_TOKENS,
    Grant,
    Member,
    TokenRecord,
    check_terms,
    decode_token,
    encode,
    refusal,
    user_name,
)
from .token import USER_PREFIX, Token

BELL: Final = "bell"
"""Instead of the id of a token: the stream that tells the registrar of new ones."""
_BELLS: Final = 16
_MOST_TRIES: Final = 16


class Tokens:
    """Needs the login of whoever runs the server."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._admin = ns.redis
        self._key = keys.tokens(ns.name)
        self._logins = Logins(ns)

    async def create(
        self,
        role: Role,
        *,
        expires_ms: int,
        uses: int = 1,
        queues: tuple[str, ...] = ("*",),
        name: str = "",
    ) -> Token:
        """Make a token and let it in.

        Args:
            role: of whoever uses it.
            expires_ms: from now.
            uses: how many may use it.
            queues: names or patterns of the queues that their keys may submit to.
            name: of the member, whatever it calls itself; empty: as it does.

        Raises:
            UsageError: one of these is not acceptable, or too many tokens are open.
        """
        check_terms(uses=uses, expires_ms=expires_ms, name=name)
        opened = await self.open()
        if len(opened) >= MAX_OPEN_TOKENS:
            raise UsageError(
                f"{len(opened)} tokens are open, which is the most: wait until some have expired, "
                "or take some back: rq-agent invite --revoke ID"
            )
        token, now = token_text.new(), await now_ms(self._ns)
        record = TokenRecord(
            role=role,
            mac_key=token.mac_key,
            created_ms=now,
            expires_ms=now + expires_ms,
            uses=uses,
            queues=check_patterns(queues),
            name=name,
        )
        # First the record: a user without one is nobody's, and is taken away at the next start.
        await self._admin.hset(self._key, token.id, encode(record))
        await self._logins.let_token_in(token.id, token.password_sha256)
        await self._ring()
        return token

    async def open(self) -> Mapping[str, TokenRecord]:
        """Return all tokens by their ids, also expired ones; damaged records are left out."""
        stored: Any = await self._admin.hgetall(self._key)
        found = {}
        for token_id, content in stored.items():
            try:
                found[text(token_id)] = decode_token(content)
            except TrustError:
                continue
        return found

    async def grant(self, token_id: str, request: str, member: Member) -> Grant | str:
        """Use a token once and note the new member, both or nothing.

        Args:
            token_id: of the token.
            request: id of the request; the same one is granted once.
            member: as it is to be noted; its user is chosen here.

        Returns:
            What was granted, or why nothing was.
        """
        members = keys.members(self._ns.name)
        for attempt in range(_MOST_TRIES):
            user = user_name(member.role, member.name, request, attempt=attempt)
            async with self._admin.pipeline(transaction=True) as tx:
                await tx.watch(self._key, members)
                content: Any = await tx.hget(self._key, token_id)
                if content is None:
                    return "the token was taken back"
                record = decode_token(content)
                if (known := record.grant(request)) is not None:
                    return known
                now = await now_ms(self._ns)
                if problem := refusal(record, member.role, now_ms=now):
                    return problem
                if await tx.hexists(members, user) or user in await self._logins.names():
                    continue
                grant = Grant(request=request, user=user)
                noted = member_as(member, user, now)
                tx.multi()  # type: ignore[no-untyped-call]
                tx.hset(self._key, token_id, encode(record.with_grant(grant, now)))
                tx.hset(members, user, encode(noted))
                try:
                    await tx.execute()
                except WatchError:  # another registrar was first, or another request
                    continue
                return grant
        return "too many machines join at once: try again"

    async def revoke(self, token_id: str) -> bool:
        """Take a token back; return whether there was one. Who has joined with it stays."""
        had_user = await self._logins.take_away(f"{USER_PREFIX}{token_id}") is not None
        await self._admin.delete(keys.join(self._ns.prefix, token_id))
        # Last: as long as the record stands, a sweep finds what a crash left undone.
        had_record: int = await self._admin.hdel(self._key, token_id)
        return had_user or bool(had_record)

    async def sweep(self) -> list[str]:
        """Take back what has expired, and users of tokens that have no record; return their ids."""
        users = await self._logins.tokens()  # first: whoever is there has a record from then on
        now, known = await now_ms(self._ns), await self.open()
        expired = [token_id for token_id, record in known.items() if record.expires_ms <= now]
        strays = [token_id for token_id in users if token_id not in known]
        for token_id in (*expired, *strays):
            await self.revoke(token_id)
        return [*expired, *strays]

    async def _ring(self) -> None:
        bell = keys.join(self._ns.prefix, BELL)
        await self._admin.xadd(bell, {"new": "1"}, maxlen=_BELLS)


def member_as(member: Member, user: str, now_ms: int) -> Member:
    """Return a member with the user and the time that it got."""
    return msgspec.structs.replace(member, user=user, joined_ms=now_ms)
