"""The address of a Redis server, as people write it.

    redis://[[user]:password@]host[:port][/database]      valkey:// is the same
    rediss://...                                          over TLS; valkeys:// is the same
    unix:///path/to/socket[?db=0&password=...]            or unix://user:password@/path
    redis+sentinel://[[user]:password@]host[:port],.../service[/database]
        the hosts are sentinels (port 26379), the login is the primary's; the sentinels' own is
        ?sentinel_username=...&sentinel_password=...; rediss+sentinel:// is TLS to both

A password never leaves this file in a message: an address that can't be read is not repeated.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import msgspec

from .errors import UsageError
from .url_members import host_and_port, members_of, without_members

_SCHEMES: Final[Mapping[str, str]] = {
    "redis": "redis",
    "valkey": "redis",
    "rediss": "rediss",
    "valkeys": "rediss",
    "unix": "unix",
    "redis+sentinel": "redis+sentinel",
    "valkey+sentinel": "redis+sentinel",
    "rediss+sentinel": "rediss+sentinel",
    "valkeys+sentinel": "rediss+sentinel",
}
_OPTIONS: Final = ("db", "username", "password")
_TLS_OPTIONS: Final = (
    "ssl_ca_certs",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_DEFAULT_PORT: Final = 6379
_EXAMPLE: Final = "e.g. redis://localhost:6379/0 or unix:///run/redis.sock"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is and how to log in. `str()` of it shows no password."""

    host: str = ""
    port: int = _DEFAULT_PORT
    path: str = ""
    """Unix socket; empty for TCP."""
    database: int = 0
    username: str = ""
    password: str = ""
    uses_tls: bool = False
    tls: Mapping[str, str] = {}
    """`ssl_...` options of the URL."""
    sentinels: tuple[tuple[str, int], ...] = ()
    """Hosts and ports of sentinels that know where the server is; else host and port do."""
    service: str = ""
    """What the sentinels call it."""
    sentinel_username: str = ""
    sentinel_password: str = ""

    def __str__(self) -> str:
        login = f"{self.username}:***@" if self.password else ""
        if self.path:
            return f"unix://{login}{self.path}" + (f"?db={self.database}" if self.database else "")
        scheme = "rediss" if self.uses_tls else "redis"
        if self.sentinels:
            members = ",".join(host_and_port(*member) for member in self.sentinels)
            return f"{scheme}+sentinel://{login}{members}/{self.service}/{self.database}"
        return f"{scheme}://{login}{host_and_port(self.host, self.port)}/{self.database}"

    def __repr__(self) -> str:
        return f"Address({self})"


def parse(url: str) -> Address:
    """Return the address that a URL means.

    Raises:
        UsageError: it means none; says what is wrong, without repeating a password.
    """
    scheme, parts, members = _split(url.strip())
    place = _place(scheme, parts, members)  # first: its errors repeat nothing of a password
    options = _options(parts, scheme)
    in_path = place.pop("database", "")
    return Address(
        **place,
        database=_database(options.get("db", in_path)),
        username=unquote(parts.username or "") or options.get("username", ""),
        password=unquote(parts.password or "") or options.get("password", ""),
        uses_tls=scheme.startswith("rediss"),
        tls={name: options[name] for name in _TLS_OPTIONS if name in options},
        sentinel_username=options.get("sentinel_username", ""),
        sentinel_password=options.get("sentinel_password", ""),
    )


def redacted(url: str) -> str:
    """Return a URL that may be shown: no password, and nothing of one that can't be read."""
    try:
        return str(parse(url))
    except UsageError:
        return "the given URL"


def username(url: str) -> str:
    """Return whom a URL logs in as; empty for Redis' own default user."""
    try:
        return parse(url).username
    except UsageError:
        return ""


def of_socket(path: Path, *, user: str = "", password: str = "") -> str:
    """Return the URL of a Unix socket; with a password, it is a secret."""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    return f"unix://{login}{quote(str(path))}"


def _split(url: str) -> tuple[str, SplitResult, str]:
    """Return what the scheme means, the parts, and the hosts of sentinels."""
    scheme, separator, _ = url.partition("://")
    if not url:
        raise UsageError(f"the Redis URL is empty; {_EXAMPLE}")
    if not separator:
        raise UsageError(f"the Redis URL has no ://; {_EXAMPLE}")
    if any(ord(c) < 32 or ord(c) == 127 for c in url):  # urlsplit would drop some of them silently
        raise UsageError("the Redis URL has a tab or another control character in it")
    if (known := _SCHEMES.get(scheme.lower())) is None:
        near = difflib.get_close_matches(scheme.lower(), _SCHEMES, n=1)
        hint = f"did you mean {near[0]}://?" if near else f"known: {', '.join(_SCHEMES)}"
        raise UsageError(f"the Redis URL begins with {scheme[:20]}://; {hint} {_EXAMPLE}")
    members = ""
    if known.endswith("+sentinel"):
        url, members = without_members(url)
    try:
        parts = urlsplit(url)
    except ValueError as e:
        raise UsageError(f"the Redis URL has a broken [IPv6] address; {_EXAMPLE}") from e
    if parts.fragment:
        raise UsageError("the Redis URL has a #: write it as %23 if the password contains it")
    return known, parts, members


def _place(scheme: str, parts: SplitResult, members: str) -> dict[str, Any]:
    """Return the fields of an Address that say where the server is, `database` as text."""
    path = parts.path.strip("/")
    if scheme == "unix":
        return {"path": _socket_path(parts)}
    if not scheme.endswith("+sentinel"):
        return {"host": _host(parts), "port": _port(parts), "database": path}
    _check_login(parts)
    service, _, database = path.partition("/")
    if not service:
        raise UsageError(
            "the Redis URL names no service: redis+sentinel://host:26379/SERVICE, "
            "as the sentinels call it (sentinel monitor SERVICE ...)"
        )
    return {"sentinels": members_of(members), "service": unquote(service), "database": database}


def _check_login(parts: SplitResult) -> None:
    if "@" in parts.path or "@" in parts.query:
        raise UsageError(
            "the Redis URL has a / or ? before its @: write them as %2F and %3F in a password"
        )


def _host(parts: SplitResult) -> str:
    _check_login(parts)
    if not parts.hostname:
        raise UsageError(f"the Redis URL names no host; {_EXAMPLE}")
    return unquote(parts.hostname)


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        # The text is not repeated: in redis://user:password (no @host) it is the password.
        raise UsageError(
            "the port of the Redis URL is not a number from 1 to 65535; "
            "with a password it is redis://user:password@host:port/0"
        )
    return _DEFAULT_PORT if port is None else port


def _socket_path(parts: SplitResult) -> str:
    if parts.hostname and "@" not in parts.netloc:
        raise UsageError("a unix:// URL needs three slashes: unix:///path/to/socket")
    if len(parts.path) < 2:
        raise UsageError("the unix:// URL names no socket; e.g. unix:///run/redis.sock")
    return unquote(parts.path)


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"the database of the Redis URL is not a number; {_EXAMPLE}")
    return int(text)


def _options(parts: SplitResult, scheme: str) -> dict[str, str]:
    allowed = _OPTIONS + (_TLS_OPTIONS if scheme.startswith("rediss") else ())
    allowed += _SENTINEL_OPTIONS if scheme.endswith("+sentinel") else ()
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in allowed:
            raise UsageError(
                f"the Redis URL has an unknown option {name[:30]!r}; known: {', '.join(allowed)}"
            )
    if options.get("ssl_cert_reqs", "required") not in ("none", "optional", "required"):
        raise UsageError("ssl_cert_reqs of the Redis URL is one of: none, optional, required")
    return options
