"""Invitations: a link that may be shown to anybody, and a token that may not."""

from typing import Final

import msgspec

from ..keypair import KeyPair
from ..namespace import Namespace
from ..roles import Role
from .link import JoinLink
from .token import Token
from .tokens import Tokens

DAY_MS: Final = 86_400_000


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where other machines come in."""

    host: str
    port: int
    fingerprint: bytes
    """SHA-256 of the certificate that it shows."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody needs to join."""

    link: JoinLink
    token: Token
    uses: int
    expires_in_ms: int
    queues: tuple[str, ...]


async def invite(
    ns: Namespace,
    role: Role,
    door: Door,
    pair: KeyPair,
    *,
    expires_in_ms: int = DAY_MS,
    uses: int = 1,
    queues: tuple[str, ...] = ("*",),
    name: str = "",
) -> Invitation:
    """Make a token, and the link that goes with it.

    Args:
        ns: with the login of whoever runs the server.
        role: of whoever joins.
        door: where they come in.
        pair: of the owner, who signs the keyring.
        expires_in_ms, uses, queues, name: see Tokens.create.

    Raises:
        UsageError: one of these is not acceptable, or too many tokens are open.
        AccessDenied: this login may not make users.
    """
    token = await Tokens(ns).create(
        role, expires_ms=expires_in_ms, uses=uses, queues=queues, name=name
    )
    return Invitation(
        link=link_to(door, role, pair, ns.name),
        token=token,
        uses=uses,
        expires_in_ms=expires_in_ms,
        queues=queues,
    )


def link_to(door: Door, role: Role, pair: KeyPair, namespace: str) -> JoinLink:
    """Return the link for a role; it holds no secret. Pure."""
    return JoinLink(
        role=role,
        host=door.host,
        port=door.port,
        namespace=namespace,
        owner=pair.public,
        fingerprint=door.fingerprint,
    )
