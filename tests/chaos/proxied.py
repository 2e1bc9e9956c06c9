"""One connection through the proxy: two ways, each with its faults."""

import asyncio
import socket as sockets
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

import hiredis

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Command = list[bytes]

_CHUNK_BYTES: Final = 65_536
_CHUNKS: Final = 256
_RESET: Final = struct.pack("ii", 1, 0)


class Way(StrEnum):
    """Where bytes go."""

    UP = "to the server"
    DOWN = "to the client"


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What the network does now."""

    delay_s: float = 0.0
    """Each way."""
    bytes_per_s: float = 0.0
    """Each way; 0: as fast as it goes."""
    lost: frozenset[Way] = frozenset()
    """A black hole: bytes that go there vanish. A connection that lost some never carries any
    more that way, as TCP has no gaps: it stays up and is dead."""
    held: frozenset[Way] = frozenset()
    """Kept back, and delivered when the fault ends: what TCP's repeats do after a short cut."""
    resets_new: bool = False
    """Who connects is reset."""


@dataclass
class Cut:
    """The reply of one command that is cut off: executed by the server, unknown to the client."""

    matches: Callable[[Command], bool]
    skip: int = 0
    """So many matching commands are answered before."""
    done: threading.Event = field(default_factory=threading.Event)
    """Set when the connection was dropped in place of the reply."""

    def takes(self, command: Command) -> bool:
        """Return whether it is this command whose reply is cut."""
        if self.done.is_set() or not self.matches(command):
            return False
        self.skip -= 1
        return self.skip == -1


class Rules(Protocol):
    """What all connections of a proxy look at."""

    faults: Faults
    cuts: list[Cut]
    commands: list[Command]


class Connection:
    """Carries bytes both ways until one side ends."""

    def __init__(self, client: Streams, server: Streams, rules: Rules) -> None:
        self._client = client
        self._server = server
        self._rules = rules
        self._changed = asyncio.Event()
        self._is_half_open = False
        self._lossy: set[Way] = set()
        self._requests = hiredis.Reader()
        self._replies = hiredis.Reader()
        self._sent = 0
        self._answered = 0
        self._to_cut: dict[int, Cut] = {}

    async def run(self) -> None:
        """Return when the connection has ended."""
        with suppress(ExceptionGroup):  # one side is gone: so is the other
            async with asyncio.TaskGroup() as tasks:
                for way, source, sink in (
                    (Way.UP, self._client[0], self._server[1]),
                    (Way.DOWN, self._server[0], self._client[1]),
                ):
                    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS)
                    tasks.create_task(self._read(way, source, line))
                    tasks.create_task(self._write(way, sink, line))

    def look(self) -> None:
        """See what the network does now."""
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> None:
        """End it with RST on the client's side."""
        reset(self._client[1])
        self.close()

    def half_open(self) -> None:
        """Close the server's side; the client is not told."""
        self._is_half_open = True
        self._server[1].close()

    def close(self) -> None:
        """End both sides."""
        for _, writer in (self._client, self._server):
            writer.close()

    async def _read(
        self, way: Way, source: asyncio.StreamReader, line: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        while data := await source.read(_CHUNK_BYTES):
            due_s = _now_s() + self._rules.faults.delay_s
            await line.put((due_s, data))
        if way is Way.DOWN and self._is_half_open:
            await asyncio.Event().wait()  # the client's own end ends this connection
        await line.put((_now_s() + self._rules.faults.delay_s, b""))

    async def _write(
        self, way: Way, sink: asyncio.StreamWriter, line: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        while True:
            due_s, data = await line.get()
            await asyncio.sleep(max(0.0, due_s - _now_s()))
            while way in self._rules.faults.held:
                await self._changed.wait()
            if not data:
                raise ConnectionResetError
            if self._vanishes(way):
                continue
            if way is Way.UP:
                self._heed_commands(data)
            elif self._is_cut(data):
                self.reset()
                return
            await self._send(sink, data)

    def _vanishes(self, way: Way) -> bool:
        if way in self._rules.faults.lost:
            self._lossy.add(way)
        return way in self._lossy or (way is Way.UP and self._is_half_open)

    async def _send(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        while data and (rate := self._rules.faults.bytes_per_s):
            sink.write(data[:1])
            data = data[1:]
            await sink.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 1 / rate)
        if data:
            sink.write(data)
            await sink.drain()

    def _heed_commands(self, data: bytes) -> None:
        for command in _parsed(self._requests, data):
            self._rules.commands.append(command[:2])
            for cut in self._rules.cuts:
                if cut.takes(command):
                    self._to_cut[self._sent] = cut
            self._sent += 1

    def _is_cut(self, data: bytes) -> bool:
        """Whether these bytes complete a reply that is to be cut; what came with it goes too."""
        for _ in _parsed(self._replies, data):
            cut = self._to_cut.pop(self._answered, None)
            self._answered += 1
            if cut is not None:
                cut.done.set()
                return True
        return False


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    socket = writer.get_extra_info("socket")
    with suppress(OSError):
        socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET)
    writer.transport.abort()


def _parsed(reader: hiredis.Reader, data: bytes) -> list[Any]:
    """Return the whole commands or replies that end in these bytes."""
    reader.feed(data)
    found = []
    while (item := reader.gets()) is not False:
        found.append(item)
    return found


def _now_s() -> float:
    return asyncio.get_running_loop().time()
