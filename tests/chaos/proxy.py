"""A TCP proxy in front of a server that does what networks do: switchable while it runs.

It lives in a thread of its own, so that it answers also while the test is busy; everything public
may be called from any thread. Upstream is a Unix socket or a port on loopback.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .proxied import Command, Connection, Cut, Faults, reset

Upstream = Path | int
"""A Unix socket, or a port on loopback."""

_ANSWER_S: Final = 10.0


class Proxy:
    """Listens on a port of loopback while its context lasts."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        """Where new connections go; see also switch()."""
        self.faults = Faults()
        self.cuts: list[Cut] = []
        self.accepted = 0
        """Connections so far."""
        self.commands: list[Command] = []
        """What was asked through it since clear() was called on this list."""
        self.port = 0
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop
        self._server: asyncio.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_ANSWER_S)
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_ANSWER_S)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """The URL of the server as seen through the proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._connections)

    def inject(self, faults: Faults) -> None:
        """Let these faults begin, and those of before end."""
        self._call(self._inject(faults))

    def heal(self) -> None:
        """End all faults, and listen again."""
        self._call(self._heal())

    def reset(self) -> None:
        """Reset all connections that there are now (RST)."""
        self._call(self._reset())

    def half_open(self) -> None:
        """Close the server's side of all connections; their clients are not told."""
        self._call(self._half_open())

    def refuse(self) -> None:
        """Refuse new connections until heal(); those that there are go on."""
        self._call(self._refuse())

    def switch(self, upstream: Upstream) -> None:
        """Lead to another server from now on; connections to the old one are reset."""
        self.upstream = upstream
        self.reset()

    def cut(self, matches: Callable[[Command], bool], *, skip: int = 0) -> Cut:
        """Cut the reply of the next command that matches, once; `skip` so many before."""
        cut = Cut(matches, skip)
        self.cuts = [*self.cuts, cut]
        return cut

    def _call(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(_ANSWER_S)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        async with self._tasks:
            await self._listen()
            self._ready.set()
            await self._end.wait()
            await self._refuse()
            for connection in list(self._connections):
                connection.close()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, backlog=1024
            )
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _inject(self, faults: Faults) -> None:
        self.faults = faults
        for connection in self._connections:
            connection.look()

    async def _heal(self) -> None:
        await self._inject(Faults())
        await self._listen()

    async def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _half_open(self) -> None:
        for connection in self._connections:
            connection.half_open()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.faults.resets_new:
            reset(writer)
            return
        self._tasks.create_task(self._carry(reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await _connect(self.upstream)
        except OSError:
            reset(writer)
            return
        connection = Connection((reader, writer), server, self)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            connection.close()


async def _connect(upstream: Upstream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(upstream, Path):
        return await asyncio.open_unix_connection(upstream)
    return await asyncio.open_connection("127.0.0.1", upstream)
