"""The hosts of sentinels in a Redis URL, with commas between them. Pure."""

import re
from typing import Final
from urllib.parse import unquote

from .errors import UsageError

_PORT: Final = 26379
_MEMBER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::(\d{1,5}))?")


def without_members(url: str) -> tuple[str, str]:
    """Return a URL with one host, which urlsplit can read, and the hosts that it had."""
    scheme, _, rest = url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, members = place.rpartition("@")
    return f"{scheme}://{login}{at}sentinels{rest[len(place) :]}", members


def members_of(text: str) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of sentinels."""
    found = []
    for member in text.split(","):
        parts = _MEMBER.fullmatch(member.strip())
        port = int(parts[2] or _PORT) if parts else 0
        if parts is None or not 1 <= port <= 65_535:
            raise UsageError(
                "the sentinels of the Redis URL are host:port,host:port; "
                "with a password it is redis+sentinel://user:password@host:port/service"
            )
        found.append((unquote(parts[1].strip("[]")), port))
    return tuple(found)


def host_and_port(host: str, port: int) -> str:
    """Return a place as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
