"""The process: opens a port, serves until it is told to stop."""

import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, cast

import anyio
import uvicorn
from starlette.types import ASGIApp

from .app import application
from .config import WebConfig
from .patience import ImpatientProtocol
from .source import opened

_LINGER_S: Final = 2
"""How long requests may still take when the server stops."""
_MOST_CONNECTIONS: Final = 256
_LARGEST_HEAD: Final = 16 * 1024


class _Server(uvicorn.Server):
    """Tells when it is ready, and leaves signals to us: uvicorn raises them again at its end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing."""
        yield


async def signalled() -> None:
    """Return after SIGTERM or SIGINT."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            return


async def serve(
    config: WebConfig,
    listener: socket.socket,
    *,
    url: str,
    ready: Callable[[], None],
    until: Callable[[], Awaitable[None]] = signalled,
) -> None:
    """Serve until it is told to stop.

    Args:
        config: what it is told.
        listener: is bound to config's address; see run.listen.
        url: of Redis.
        ready: called when requests are answered.
        until: returns when it is time to stop.

    Raises:
        BrokerUnavailable: there was no usable Redis at the start; later it is waited for.
    """
    async with opened(config, url) as source, anyio.create_task_group() as tg:
        server = _Server(_settings(application(source)), ready)
        tg.start_soon(source.hub.run)
        async with anyio.create_task_group() as serving:
            serving.start_soon(_stop, server, source.hub.close, until)
            await server.serve(sockets=[listener])
            serving.cancel_scope.cancel()
        tg.cancel_scope.cancel()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound; port 0: to any free one.

    Raises:
        OSError: the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _settings(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", app),  # uvicorn spells the same type out
        http=ImpatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_graceful_shutdown=_LINGER_S,
    )


async def _stop(
    server: uvicorn.Server, close: Callable[[], None], until: Callable[[], Awaitable[None]]
) -> None:
    await until()
    close()
    server.should_exit = True
