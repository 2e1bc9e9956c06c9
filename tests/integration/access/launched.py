"""Servers of one test's own: with a port, with TLS, as replica, sentinel or cluster."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ...servers import BINARIES, free_port, start

ATTEMPTS: Final = 5
"""Another process may take a free port first."""
_MOST_PORT: Final = 55_535
"""A cluster's nodes speak to each other on the port that is 10 000 above."""


class Launched:
    """Starts servers; ends them all at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self.processes.values():
            process.kill()
            process.communicate()

    def on_socket(self, kind: str, *options: str) -> Path:
        """Start a server on a socket and return that."""
        folder = self._new_folder(kind)
        socket = folder / "s"
        plain = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
        self.processes[folder.name] = start([str(BINARIES[kind]()), *options, *plain])
        return socket

    def on_port(self, kind: str, *options: str, option: str = "--port") -> int:
        """Start a server on a port of 127.0.0.1 and return that."""
        folder = self._new_folder(kind)
        plain = ["--dir", str(folder), "--save", "", "--bind", "127.0.0.1"]
        for attempt in range(ATTEMPTS):
            while (port := free_port()) > _MOST_PORT:
                pass
            command = [str(BINARIES[kind]()), *plain, *options, option, str(port)]
            try:
                self.processes[str(port)] = start(command)
            except AssertionError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return port
        raise AssertionError

    def sentinel(self, service: str, primary_port: int, *settings: str) -> int:
        """Start a sentinel that watches a primary, and return its port."""
        file = self._new_folder("sentinel") / "sentinel.conf"
        port = free_port()
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {file.parent}\n"
            f"sentinel monitor {service} 127.0.0.1 {primary_port} 1\n"
            f"sentinel down-after-milliseconds {service} 1000\n"
            f"sentinel failover-timeout {service} 5000\n" + "\n".join(settings)
        )
        command = [str(BINARIES["redis"]()), str(file), "--sentinel"]
        self.processes[str(port)] = start(command, ready="+monitor master")
        return port

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / f"{name}{len(self.processes)}"
        folder.mkdir()
        return folder
