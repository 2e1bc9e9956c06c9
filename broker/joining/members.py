"""Who joined a namespace: which login is whose, and which key belongs to it."""

from typing import Any

import msgspec

from .. import keys
from ..errors import TrustError
from ..namespace import Namespace
from .logins import Logins
from .owner import Owner
from .records import Member, decode_member


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken away from a member."""

    member: Member
    connections: int | None
    """That were ended; None: its login was gone already."""
    key_was_trusted: bool
    """Its key was in the keyring."""


class Members:
    """Needs the login of whoever runs the server."""

    def __init__(self, ns: Namespace) -> None:
        self._admin = ns.redis
        self._key = keys.members(ns.name)
        self._logins = Logins(ns)

    async def list(self) -> list[Member]:
        """Return all members, who joined last last."""
        stored: Any = await self._admin.hvals(self._key)
        found = []
        for content in stored:
            try:
                found.append(decode_member(content))
            except TrustError:
                continue
        return sorted(found, key=lambda member: (member.joined_ms, member.user))

    async def find(self, user: str) -> Member | None:
        """Return one member."""
        content: Any = await self._admin.hget(self._key, user)
        return None if content is None else decode_member(content)

    async def without_login(self) -> frozenset[str]:
        """Return the users of members that the server does not let in any more."""
        return frozenset(member.user for member in await self.list()) - await self._logins.names()

    async def remove(self, member: Member, owner: Owner) -> Removed:
        """Take a member's login away, end its connections, and trust its key no more.

        Its key stays if another member has the same. May be repeated after a crash.
        """
        connections = await self._logins.take_away(member.user)
        others = [each for each in await self.list() if each.user != member.user]
        shared = any(each.submits and each.key_id == member.key_id for each in others)
        gone = None
        if member.submits and not shared:
            gone = await owner.remove(member.key_id)
        await self._admin.hdel(self._key, member.user)  # last: until then it can be repeated
        return Removed(member=member, connections=connections, key_was_trusted=gone is not None)
