"""What the server keeps of tokens and of who joined. Pure."""

import re
from typing import Annotated, Final, Literal

import msgspec

from ..errors import TrustError, UsageError
from ..refused_logins import used_up
from ..roles import Role
from ..signed_task import brief
from ..trusted_key import KeyId, PublicKey
from .request import NAME_PATTERN

MAX_OPEN_TOKENS: Final = 64
MAX_USES: Final = 32
SUBMIT: Final = ("submitter", "operator")
"""Roles whose keys belong into the keyring."""
LINGER_MS: Final = 120_000
"""A token that is used up still answers those whom it let in, when their answer got lost."""
FRESH_MS: Final = 30_000
"""A request that nobody answered for so long was given up, and must not use the token up."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a token let in."""

    request: str
    user: str


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One token. Times are Unix ms on the clock of Redis."""

    v: Literal[1] = 1
    role: Role
    mac_key: bytes
    expires_ms: int
    created_ms: int
    uses: Annotated[int, msgspec.Meta(ge=0, le=MAX_USES)]
    """That are left."""
    queues: tuple[str, ...]
    """Names or patterns of the queues that the joiner's key may submit to."""
    name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """Of the member, whatever the joiner calls itself."""
    granted: tuple[Grant, ...] = ()

    def __repr__(self) -> str:
        return f"<TokenRecord of a {self.role}>"

    def grant(self, request: str) -> Grant | None:
        """Return what a request was granted, or None."""
        return next((each for each in self.granted if each.request == request), None)

    def with_grant(self, grant: Grant, now_ms: int) -> "TokenRecord":
        """Return the record after one more use; the last one makes it end soon."""
        used_up = self.uses == 1
        return msgspec.structs.replace(
            self,
            uses=self.uses - 1,
            granted=(*self.granted, grant),
            expires_ms=now_ms + LINGER_MS if used_up else self.expires_ms,
        )


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One login that a token was exchanged for."""

    v: Literal[1] = 1
    user: str
    role: Role
    name: str
    key_id: KeyId
    public: PublicKey
    key_name: str
    queues: tuple[str, ...]
    request: str
    joined_ms: int

    @property
    def submits(self) -> bool:
        """Whether its key belongs into the keyring."""
        return self.role in SUBMIT


def encode(record: TokenRecord | Member) -> bytes:
    """Return a record as it is stored."""
    return msgspec.json.encode(record)


def decode_token(content: bytes) -> TokenRecord:
    """Return a stored token.

    Raises:
        TrustError: something else is stored there.
    """
    try:
        return msgspec.json.decode(content, type=TokenRecord)
    except ValueError as e:
        raise TrustError(f"the record of a token is damaged: {brief(e)}") from e


def decode_member(content: bytes) -> Member:
    """Return a stored member.

    Raises:
        TrustError: something else is stored there.
    """
    try:
        return msgspec.json.decode(content, type=Member)
    except ValueError as e:
        raise TrustError(f"the record of a member is damaged: {brief(e)}") from e


def refusal(record: TokenRecord, role: str, *, now_ms: int) -> str:
    """Return why a token does not let a new request in; empty when it does."""
    if now_ms >= record.expires_ms or record.uses == 0:
        return used_up(role)
    if role != record.role:
        return (
            f"the token is for the role {record.role}, and the link for {role}: "
            "take the link that came with the token"
        )
    return ""


def check_terms(*, uses: int, expires_ms: int, name: str = "") -> None:
    """Raise UsageError unless a token may be made with these terms."""
    if name and not re.search(NAME_PATTERN, name):
        raise UsageError(
            f"the name {name[:64]!r} can't be a member's: use 1 to 32 letters, digits, dots, "
            "dashes and underscores"
        )
    if not 1 <= uses <= MAX_USES:
        raise UsageError(f"a token lets in 1 to {MAX_USES} machines, not {uses}")
    if not 1_000 <= expires_ms <= 30 * 86_400_000:
        raise UsageError("a token expires after one second to 30 days")


def user_name(role: str, name: str, request: str, *, attempt: int) -> str:
    """Return the name of a new login; another attempt gives another one."""
    return f"{role}-{name}-{request[attempt * 4 : attempt * 4 + 4]}"
