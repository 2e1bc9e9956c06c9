"""A server of one test, with an append-only file: it can be killed and come back."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from rq_agent.broker import urls

from ...servers import valkey_binary


class PersistentServer:
    """Every write is on disk before it is answered."""

    def __init__(self) -> None:
        # A short path of our own: a socket's path has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="rqa"))
        self._data = self._folder / "data"
        self._data.mkdir()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        return urls.of_socket(self._folder / "s")

    def start(self) -> None:
        """Return when it answers."""
        options = ["--port", "0", "--unixsocket", str(self._folder / "s"), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._data)]
        process = subprocess.Popen(
            [str(valkey_binary()), *options, *durable], stdout=subprocess.PIPE, text=True
        )
        self._process = process
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "ready to accept connections" in line.lower():
                return
        raise AssertionError("".join(said))

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def remember(self) -> Path:
        """Return a copy of what is on its disk now."""
        copy = Path(tempfile.mkdtemp(dir=self._folder))
        shutil.copytree(self._data, copy, dirs_exist_ok=True)
        return copy

    def roll_back(self, copy: Path) -> None:
        """Bring back what was there then, while it does not run."""
        shutil.rmtree(self._data)
        shutil.copytree(copy, self._data)
