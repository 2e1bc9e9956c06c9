"""On which addresses the dashboard listens, and under which names it answers. Pure."""

import ipaddress
import re
from typing import Final

from ...broker.errors import UsageError

_NAMES: Final = frozenset({"localhost"})
_HEADER: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::[0-9]{1,5})?", re.ASCII)


def checked(host: str) -> str:
    """Return an address to listen on.

    Raises:
        UsageError: others could reach it; says what to do instead.
    """
    if host == "localhost":
        return "127.0.0.1"
    if is_own(f"[{host}]" if ":" in host else host):
        return host
    raise UsageError(
        f"--host {host}: the dashboard speaks plain HTTP, so it listens on 127.0.0.1 or ::1 only; "
        "from another machine use a tunnel (ssh -L 7342:127.0.0.1:7342 THIS-MACHINE), or a proxy "
        "here that ends TLS and passes requests on with Host: localhost"
    )


def is_own(header: str) -> bool:
    """Return whether a `Host` header names this machine as only it itself is named.

    Any port: a tunnel's other end has one of its own. A page of another site that made its name
    resolve to 127.0.0.1 sends that name.
    """
    found = _HEADER.fullmatch(header.lower())
    if found is None:
        return False
    name = found[1].strip("[]")
    if name in _NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def url_of(host: str, port: int) -> str:
    """Return the beginning of every address of the dashboard."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
