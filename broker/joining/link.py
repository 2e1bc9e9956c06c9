"""The link that a machine joins by. Pure.

    rqa+tls://ROLE@HOST:PORT/NAMESPACE?key=OWNER#FINGERPRINT

OWNER is the owner's raw public key and FINGERPRINT the SHA-256 of the server's certificate (DER),
both in base64url without padding. There is no secret in it: the token goes another way.
"""

import base64
import re
from difflib import get_close_matches
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from ..errors import UsageError
from ..keypair import PUBLIC_BYTES
from ..keys import NAME_PATTERN
from ..roles import ROLES, Role
from ..url_members import host_and_port

_SCHEME: Final = "rqa+tls"
_EXAMPLE: Final = "it looks like rqa+tls://worker@HOST:PORT/NAMESPACE?key=...#..."
_COPIED_ALONG: Final = "'\"`<>\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}" + (
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
)
_OF_SERVERS: Final = ("redis", "rediss", "valkey", "valkeys", "unix")
_CHARACTERS: Final = -(-PUBLIC_BYTES * 8 // 6)
"""Of 32 bytes in base64url."""
_MOST: Final = 1024


class JoinLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is, how it proves to be the right one, and as what to join it."""

    role: Role
    host: str
    port: int
    namespace: str
    owner: bytes
    """Raw public key of whoever signs the keyring."""
    fingerprint: bytes
    """SHA-256 of the server's certificate (DER)."""

    @property
    def place(self) -> str:
        """Host and port, as people write them."""
        return host_and_port(self.host, self.port)

    def __str__(self) -> str:
        return (
            f"{_SCHEME}://{self.role}@{self.place}/{self.namespace}"
            f"?key={encoded(self.owner)}#{encoded(self.fingerprint)}"
        )


def parse(text: str) -> JoinLink:
    """Return what a link says; quotes and line breaks that were copied along do no harm.

    Raises:
        UsageError: it is none, or a part of it is wrong or missing; says which.
    """
    parts = _split(_cleaned(text))
    host = _host(parts)
    return JoinLink(
        role=_role(parts.username or ""),
        host=host,
        port=_port(parts),
        namespace=_namespace(parts.path.strip("/")),
        owner=_owner(parts.query),
        fingerprint=_fingerprint(parts.fragment),
    )


def encoded(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _cleaned(text: str) -> str:
    """Return a link without what came along when it was copied."""
    whole = re.sub(
        r"\\?\s+", "", text.strip().removeprefix("rq-agent").strip().removeprefix("join ")
    )
    return whole.strip(_COPIED_ALONG)


def _split(link: str) -> SplitResult:
    scheme, separator, _ = link.partition("://")
    if not link:
        raise UsageError(f"the link is empty; {_EXAMPLE}")
    if len(link) > _MOST:
        raise UsageError(f"the link has more than {_MOST} characters; {_EXAMPLE}")
    if not separator:
        raise UsageError(f"the link has no ://; {_EXAMPLE}")
    if scheme.lower() in _OF_SERVERS:
        raise UsageError(
            f"{scheme.lower()}:// is the address of a server, not a link to join one: use it with "
            "--redis, or keep it with `rq-agent context add`"
        )
    if scheme.lower() != _SCHEME:
        raise UsageError(f"the link begins with {_shown(scheme)}://, not with {_SCHEME}://")
    try:
        return urlsplit(link)
    except ValueError:
        raise UsageError("the link has a broken [IPv6] address") from None


def _role(role: str) -> Role:
    if not role:
        raise UsageError(f"the link names no role before its @; {_EXAMPLE}")
    for known in ROLES:
        if role == known:
            return known
    near = get_close_matches(role.lower(), ROLES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(ROLES)}"
    raise UsageError(f"the link's role {_shown(role)} is not known; {hint}")


def _host(parts: SplitResult) -> str:
    if parts.password is not None:
        raise UsageError("the link has a password: links carry none, the token is asked for")
    if not parts.hostname:
        raise UsageError(f"the link names no host; {_EXAMPLE}")
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", parts.hostname, re.ASCII):
        raise UsageError(f"the link's host {_shown(parts.hostname)} is not the name of one")
    return parts.hostname


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        raise UsageError(f"the link names no port after its host; {_EXAMPLE}")
    if port == 0:
        raise UsageError("the link's port is not a number from 1 to 65535")
    return port


def _namespace(name: str) -> str:
    if not name:
        raise UsageError(f"the link names no namespace after its port; {_EXAMPLE}")
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(f"the link's namespace {_shown(name)} can't be one")
    return name


def _owner(query: str) -> bytes:
    options = parse_qsl(query, keep_blank_values=True)
    if unknown := [name for name, _ in options if name != "key"]:
        raise UsageError(f"the link has an unknown part {_shown(unknown[0])}; {_EXAMPLE}")
    if len(options) != 1:
        what = "has two keys" if options else "has no ?key=, the owner's public key"
        raise UsageError(f"the link {what}: copy it whole, in quotes")
    return _decoded(options[0][1], "owner's key (key=)")


def _fingerprint(fragment: str) -> bytes:
    if not fragment:
        raise UsageError(
            "the link ends before the certificate's fingerprint (#): copy it whole, in quotes"
        )
    return _decoded(fragment, "certificate's fingerprint (#)")


def _decoded(text: str, what: str) -> bytes:
    bare = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", bare, re.ASCII):
        raise UsageError(f"the link's {what} has a character that can't be there: copy it again")
    if len(bare) != _CHARACTERS:
        which = "cut off" if len(bare) < _CHARACTERS else "too long"
        raise UsageError(
            f"the link's {what} is {which}: {len(bare)} characters instead of {_CHARACTERS}; "
            "copy it whole"
        )
    raw = base64.urlsafe_b64decode(bare + "=")
    if encoded(raw) != bare:
        raise UsageError(f"the link's {what} is not what it was: copy it again")
    return raw


def _shown(text: str) -> str:
    return repr(text[:40])
