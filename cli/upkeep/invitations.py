"""What another machine needs to join: a link, which is no secret, and a token, which is one."""

from collections.abc import Sequence
from typing import Final

import anyio
import msgspec

from ...broker.embedded import certificate
from ...broker.errors import UsageError
from ...broker.joining.clock import now_ms
from ...broker.joining.link import JoinLink
from ...broker.joining.tokens import Tokens
from ...broker.roles import Role
from .. import identity
from ..broker_url import working_url
from ..config import Settings
from ..connected import connected
from . import listening
from .wanted import Wanted

EXPIRES_MS: Final = 24 * 3_600_000
ROLES: Final[Sequence[Role]] = ("worker", "submitter", "viewer")
"""That `up --listen` invites. Who is to operate it as well is invited on purpose."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link and a token. Whoever has both may join."""

    role: Role
    link: str
    token: str
    expires_at: float
    """Unix seconds on the clock of Redis."""


def link_of(settings: Settings, wanted: Wanted, role: Role) -> JoinLink:
    """Return the link by which machines join what `up` listens for.

    Raises:
        UsageError: it does not listen.
    """
    if not wanted.listen:
        raise UsageError("no other machine can come in: `rq-agent up --listen ADDRESS` first")
    place, _ = listening.link_place(listening.parse(wanted.listen), wanted.host_name)
    return JoinLink(
        role=role,
        host=place.host,
        port=place.port,
        namespace=wanted.namespace,
        owner=identity.own_key(settings.home).public,
        fingerprint=certificate.ensure(listening.certificate_folder(settings.home)).fingerprint,
    )


def invite(settings: Settings, wanted: Wanted, roles: Sequence[Role]) -> list[Invitation]:
    """Return an invitation for each role: one use, for a day."""

    async def go() -> list[Invitation]:
        async with connected(working_url(settings), settings.namespace) as namespace:
            expires_at = (await now_ms(namespace) + EXPIRES_MS) / 1000
            tokens = Tokens(namespace)
            return [
                Invitation(
                    role=role,
                    link=str(link_of(settings, wanted, role)),
                    token=(await tokens.create(role, expires_ms=EXPIRES_MS)).text,
                    expires_at=expires_at,
                )
                for role in roles
            ]

    return anyio.run(go)
