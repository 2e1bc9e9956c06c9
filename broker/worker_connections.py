"""The two connections of a worker: one for commands, one that blocks on its inbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from . import keys
from .connection import blocking_connection, connect
from .greeting import Greeting
from .namespace import Namespace
from .server_checks import unknown_lines
from .server_facts import check_server, check_settings, refuse_warnings

_CLOSE_S: Final = 5.0


@asynccontextmanager
async def worker_connections(
    url: str,
    namespace: str,
    *,
    lease_ms: int,
    beat_ms: int,
    block_ms: int,
    on_restart: Callable[[], None],
    on_greeting: Callable[[str, str], None] = lambda run_id, birth: None,
    warn: Callable[[str], None],
    note: Callable[[str], None] = lambda text: None,
    strict: bool = False,
    client_name: str = "",
) -> AsyncIterator[tuple[Namespace, Namespace]]:
    """Open both; the first greets the server whenever it connects again.

    Args:
        url: of the server.
        namespace: its name.
        lease_ms: reaping is held so long when the server restarted.
        beat_ms: claims are held for two of these.
        block_ms: the longest block on the second connection.
        on_restart: called when another server process answers than before.
        on_greeting: called with the run id of the server and the namespace's birth on each new
            connection, before on_restart.
        warn: told what may get lost with this server.
        note: told what could not be checked.
        strict: refuse such a server instead.
        client_name: shown in the server's list of clients.

    Raises:
        BrokerUnavailable: no server, or none that nothing is lost on; with `strict` also one
            that there is a warning about.
    """
    greeting = Greeting(
        keys.prefix(namespace),
        lease_ms=lease_ms,
        beat_ms=beat_ms,
        on_restart=on_restart,
        on_greeting=on_greeting,
    )
    redis = connect(url, namespace=namespace, client_name=client_name, greet=greeting.greet)
    blocking = blocking_connection(
        url, block_s=block_ms / 1000, namespace=namespace, client_name=client_name
    )
    try:
        facts = await check_settings(redis, await check_server(redis, url), url)
        if strict:
            refuse_warnings(facts.checks, url)
        for warning in facts.warnings:
            warn(warning)
        for line in unknown_lines(facts.checks):
            note(line)
        yield await Namespace.open(redis, namespace), await Namespace.open(blocking, namespace)
    finally:
        with anyio.move_on_after(_CLOSE_S, shield=True):  # also when the worker is cancelled
            await redis.aclose()
            await blocking.aclose()
