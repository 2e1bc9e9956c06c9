"""A namespace on a server that was looked at, as long as a command needs it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import anyio

from ..broker import urls
from ..broker.errors import BrokerUnavailable
from ..broker.namespace import Namespace
from ..broker.server_facts import check_server

_FIRST_ANSWER_S: Final = 5.0
"""A person waits for it; once it has answered, a busy server is given more time."""


@contextmanager
def _soon(url: str) -> Iterator[None]:
    try:
        with anyio.fail_after(_FIRST_ANSWER_S):
            yield
    except TimeoutError as e:
        raise BrokerUnavailable(
            f"cannot reach redis at {urls.redacted(url)}: no answer within {_FIRST_ANSWER_S:.0f} s; "
            "it hangs, or something between here and there swallows what is sent"
        ) from e


@asynccontextmanager
async def connected(
    url: str,
    namespace: str,
    *,
    client_name: str = "",
    warn: Callable[[str], None] = lambda text: None,
) -> AsyncIterator[Namespace]:
    """Connect, and make sure that the server is one that nothing is lost on.

    Args:
        url: of the server.
        namespace: in it.
        client_name: shown in the server's list of clients.
        warn: told what is worth knowing about the server.

    Raises:
        BrokerUnavailable: also while the body runs.
    """
    # Its import takes as long as all the rest of a command, and most look without it.
    from ..broker.connection import connect, redis_errors

    redis = connect(url, namespace=namespace, client_name=client_name)
    try:
        with redis_errors(url):
            with _soon(url):
                facts = await check_server(redis, url)
                opened = await Namespace.open(redis, namespace)
            for warning in facts.warnings:
                warn(warning)
            yield opened
    finally:
        await redis.aclose()


@asynccontextmanager
async def connected_twice(
    url: str,
    namespace: str,
    *,
    block_s: float,
    client_name: str = "",
    warn: Callable[[str], None] = lambda text: None,
) -> AsyncIterator[tuple[Namespace, Namespace]]:
    """Connect, and once more for commands that block up to block_s."""
    from ..broker.connection import blocking_connection

    answering = connected(url, namespace, client_name=client_name, warn=warn)
    async with answering as answers:
        redis = blocking_connection(
            url, block_s=block_s, namespace=namespace, client_name=client_name
        )
        try:
            yield answers, await Namespace.open(redis, namespace)
        finally:
            await redis.aclose()
