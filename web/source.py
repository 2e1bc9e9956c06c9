"""What endpoints work on. They only look: nothing here changes a task."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import Response

from ..broker.connection import blocking_connection, connect, redis_errors
from ..broker.feed import Feed
from ..broker.lookups import Lookups
from ..broker.namespace import Namespace
from ..broker.server_facts import check_server
from .access.sessions import Sessions
from .answers import answer
from .config import WebConfig
from .live.hub import BLOCK_S, Hub
from .memo import Memo

_AT_ONCE: Final = 16
"""Most requests that read from Redis at once, and so most connections."""
_CLIENT: Final = "rq-agent-web"

Fields = dict[str, Any]


class Source:
    """The namespace that is shown, and who is shown it."""

    def __init__(self, config: WebConfig, ns: Namespace, hub: Hub) -> None:
        self.config = config
        self.ns = ns
        self.lookups = Lookups(ns)
        self.hub = hub
        self.sessions = Sessions()
        self.answers: Memo[Fields] = Memo(keep_s=0.5)
        self.at_once = anyio.CapacityLimiter(_AT_ONCE)


@asynccontextmanager
async def opened(config: WebConfig, url: str) -> AsyncIterator[Source]:
    """Connect to Redis, and make sure that it is one.

    Raises:
        BrokerUnavailable: at the start; later it is waited for.
    """
    redis = connect(url, namespace=config.namespace, client_name=_CLIENT)
    blocking = blocking_connection(
        url, block_s=BLOCK_S, namespace=config.namespace, client_name=_CLIENT
    )
    try:
        with redis_errors(url):
            await check_server(redis, url)
            ns = await Namespace.open(redis, config.namespace)
            waiting = await Namespace.open(blocking, config.namespace)
        yield Source(config, ns, Hub(ns, Feed(waiting), max_clients=config.max_streams))
    finally:
        with anyio.CancelScope(shield=True):
            await redis.aclose()
            await blocking.aclose()


def source_of(request: Request) -> Source:
    """Return what the application of a request works on."""
    source: Source = request.app.state.source
    return source


def looking(
    look: Callable[[Request, Source], Awaitable[Fields]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers with the fields that look returns."""

    async def endpoint(request: Request) -> Response:
        source = source_of(request)
        async with source.at_once:
            return answer(await look(request, source))

    return endpoint
