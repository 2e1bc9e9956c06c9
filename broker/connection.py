"""Connections to Redis: how they are made, and what their errors mean.

The client's own retries are off: it would send a command again whose first answer got lost.
Only callers know which of their commands may be repeated.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import urls
from .errors import UsageError
from .packing import Packed
from .sentinels import sentinel_pool
from .translated import TranslatedRedis, translated

Greet = Callable[[AbstractConnection], Awaitable[None]]

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 10.0
"""Longest wait for one answer: above any script's bound and a slow disk's fsync."""
HEALTH_CHECK_S: Final = 30
"""A connection that was idle for longer is tried with PING before it carries a command."""


class _Connection(Packed, Connection):
    """To a host and a port."""


class _TlsConnection(Packed, SSLConnection):
    """The same, encrypted."""


class _UnixConnection(Packed, UnixDomainSocketConnection):
    """A Unix socket that greets the server once.

    The client's own class greets while it connects and then again, and so reports a wrong
    password as a lost connection and leaves the socket open.
    """

    async def _connect(self) -> None:
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)


def connect(
    url: str, *, namespace: str = "", client_name: str = "", greet: Greet | None = None
) -> Redis:
    """Return a client for commands that answer at once. Connects with its first command.

    Args:
        url: see urls.py.
        namespace: shown in the server's list of clients.
        client_name: instead of that, e.g. for embedded.stop.stop_if_unused.
        greet: called with every new connection before its first command; see greeting.py.

    Raises:
        UsageError: the URL is wrong.
    """
    name = client_name or _client_name(namespace)
    return _client(url, name=name, answer_timeout_s=ANSWER_TIMEOUT_S, greet=greet)


def blocking_connection(
    url: str, *, block_s: float = 30.0, namespace: str = "", client_name: str = ""
) -> Redis:
    """Return a client of its own for commands that block up to block_s, such as XREAD.

    Its socket timeout lies above the block, so that a block that ends with nothing is an
    answer, and only a server that is gone is an error.
    """
    name = client_name or _client_name(namespace)
    return _client(url, name=name, answer_timeout_s=block_s + ANSWER_TIMEOUT_S)


def redis_errors(url: str) -> AbstractContextManager[None]:
    """Turn the errors of a foreign client for this URL into ours; see translated.py."""
    return translated(urls.redacted(url), user=urls.username(url))


def _client_name(namespace: str) -> str:
    return f"rq-agent:{namespace}" if namespace else "rq-agent"


def _client(url: str, *, name: str, answer_timeout_s: float, greet: Greet | None = None) -> Redis:
    address = urls.parse(url)
    options: dict[str, Any] = {
        "client_name": name,
        "socket_timeout": answer_timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
        "encoding_errors": "backslashreplace",  # what a terminal gave may not be UTF-8
        "protocol": 2,  # the same shapes of answers everywhere, and no greeting round trip
        "driver_info": None,
        "redis_connect_func": greet,
    }
    connection_class, place = _place(address)
    if address.sentinels:
        pool = sentinel_pool(address, place=place, **options)
    else:
        pool = ConnectionPool(connection_class=connection_class, **place, **options)
    return TranslatedRedis.at(pool, str(address), user=address.username)


def _place(address: urls.Address) -> tuple[type[AbstractConnection], dict[str, Any]]:
    login = {
        "db": address.database,
        "username": address.username or None,
        "password": address.password or None,
    }
    if address.path:
        return _UnixConnection, {**login, "path": address.path}
    # The sentinels say host and port.
    tcp = login if address.sentinels else {**login, "host": address.host, "port": address.port}
    if not address.uses_tls:
        return _Connection, tcp
    tls: dict[str, Any] = dict(address.tls)
    for option in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if option in tls and not os.access(tls[option], os.R_OK):
            raise UsageError(f"{option} of the Redis URL: can't read {tls[option]}")
    if "ssl_check_hostname" in tls:
        tls["ssl_check_hostname"] = tls["ssl_check_hostname"].lower() not in ("false", "no", "0")
    return _TlsConnection, tcp | tls
