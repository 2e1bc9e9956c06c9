"""The connection to a host: commands go out, and a byte comes for what it reported."""

import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

_SOCKET: Final = "socket"
_PART: Final = 64 * 1024
_TRY_S: Final = 0.003


class Channel:
    """One connection. What the host can't take yet waits here."""

    def __init__(self, connected: socket.socket, group: TaskGroup) -> None:
        """`group` runs what writes the rest of a line that did not fit."""
        self._socket = connected
        self._group = group
        self._waiting = bytearray()
        self._waits = 0
        """Who waits for the socket now."""
        self.is_open = True

    @classmethod
    def open(cls, folder: Path, group: TaskGroup) -> Self | None:
        """Return a connection to the host of a folder; None if it does not listen yet, or no more."""
        try:
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        except OSError:  # too many files are open: one may be closed soon
            return None
        found.setblocking(False)
        try:
            connect(found, folder)
        except OSError:  # not there, refused, or too many wait to be taken
            found.close()
            return None
        return cls(found, group)

    @classmethod
    async def connected(cls, folder: Path, group: TaskGroup, *, patience_s: float) -> Self | None:
        """Return a connection as soon as the host listens; None: it did not in that time."""
        with anyio.move_on_after(patience_s):
            while (channel := cls.open(folder, group)) is None:  # noqa: ASYNC110 - no event tells
                await anyio.sleep(_TRY_S)
            return channel
        return None

    def send(self, line: bytes) -> None:
        """Send a line, now or as soon as it fits. Never waits; lost where the host is gone."""
        if not self.is_open:
            return
        if self._waiting:
            self._waiting += line
            return
        sent = self._send(line)
        if sent < len(line) and self.is_open:
            self._waiting += line[sent:]
            self._group.start_soon(self._send_the_rest)

    async def rung(self) -> bool:
        """Return when the host has reported something; False when the connection is closed."""
        try:
            while self.is_open:
                await self._wait(anyio.wait_readable)
                try:
                    return bool(self._socket.recv(_PART))
                except BlockingIOError:
                    continue
        except (OSError, anyio.ClosedResourceError):
            pass
        return False

    def close(self) -> None:
        """Close it, as soon as nobody waits for it any more. The host goes on.

        Not before: another file would have the number of its descriptor at once, and who stops
        waiting for this one would take that one out of the event loop.
        """
        if self.is_open:
            self.is_open = False
            self._waiting.clear()
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes them
        if not self._waits:
            self._socket.close()

    async def _wait(self, ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._waits += 1
        try:
            await ready(self._socket)
        finally:
            self._waits -= 1
            if not self.is_open:
                self.close()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.close()
            return 0

    async def _send_the_rest(self) -> None:
        while self._waiting:
            try:
                await self._wait(anyio.wait_writable)
            except (OSError, anyio.ClosedResourceError):
                return self.close()
            sent = self._send(self._waiting[:_PART])
            del self._waiting[:sent]


def connect(ours: socket.socket, folder: Path) -> None:
    """Connect to the socket of a folder, whose path may be too long for an address."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ours.connect(f"/proc/self/fd/{fd}/{_SOCKET}")
    finally:
        os.close(fd)
