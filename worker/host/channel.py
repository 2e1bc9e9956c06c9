"""The socket over which a worker tells a host what to do. Never waits; knows no loop."""

from __future__ import annotations

import contextlib
import os
import socket

_MOST_BYTES = 1 << 20


class Channel:
    """Listens in the folder of a host; has at most one connection, the newest."""

    def __init__(self, folder: str) -> None:
        self.listener = _listen(folder)
        self.connection: socket.socket | None = None
        self._rest: list[bytes] = []

    def accept(self) -> socket.socket | None:
        """Let a worker in, in place of the one before; it must not be watched any longer."""
        try:
            fresh, _ = self.listener.accept()
        except OSError:  # it has gone again, or there is no descriptor left
            return None
        fresh.setblocking(False)
        self.close_connection()
        self.connection = fresh
        return fresh

    def close_connection(self) -> None:
        """Forget a worker that has gone, and half a line of it."""
        connection, self.connection = self.connection, None
        self._rest.clear()
        if connection is not None:
            connection.close()

    def read(self) -> list[bytes] | None:
        """Return the complete lines that came; None: the worker has gone."""
        if self.connection is None:
            return None
        try:
            data = self.connection.recv(_MOST_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest.append(data)  # joined once: a line may be long
            return []
        lines = b"".join([*self._rest, data[:end]]).split(b"\n")
        self._rest = [data[end:]] if end < len(data) else []
        return [line for line in lines if line]

    def ring(self) -> None:
        """Say that there is something to read. From any thread."""
        connection = self.connection
        if connection is not None:
            with contextlib.suppress(OSError):  # not heard the ones before, or gone
                connection.send(b"!")


def _listen(folder: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{place}/socket"  # the path of the folder may be too long for one
        if os.path.lexists(short):
            os.unlink(short)
        listener.bind(short)
        os.chmod(short, 0o600)
    finally:
        os.close(place)
    listener.listen(8)
    listener.setblocking(False)
    return listener
