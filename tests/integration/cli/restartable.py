"""A server that is stopped and comes back with what it had."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...servers import start, valkey_binary


class Restartable:
    """A Valkey on a private socket; each write is on the disk before its answer."""

    def __init__(self, folder: Path) -> None:
        self._command = [
            *(str(valkey_binary()), "--port", "0", "--dir", str(folder), "--save", ""),
            *("--unixsocket", str(folder / "s"), "--appendonly", "yes", "--appendfsync", "always"),
        ]
        self.url = f"unix://{folder / 's'}"
        self._process: subprocess.Popen[str] | None = None

    def up(self) -> None:
        """Start it."""
        self._process = start(self._command)

    def down(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def restartable() -> Iterator[Restartable]:
    """Run one, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="rqa"))
    server = Restartable(folder)
    server.up()
    try:
        yield server
    finally:
        server.down()
        shutil.rmtree(folder)
