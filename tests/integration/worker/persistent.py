"""A server of one test, with an append-only file: it can be killed and come back."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rq_agent.broker import urls
from rq_agent.broker.embedded import probe
from rq_agent.broker.embedded.endpoint import Endpoint

from ...servers import valkey_binary

_START_S = 60.0
_LOOK_EVERY_S = 0.01


class PersistentServer:
    """Every write is on disk before it is answered."""

    def __init__(self, program: Path | None = None, *, options: Sequence[str] = ()) -> None:
        """`program` stands in for the embedded default's; `options` override those given here."""
        # A short path of our own: a socket's path has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="rqa"))
        self._data = self._folder / "data"
        self._data.mkdir()
        self._program = program or valkey_binary()
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

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
        command = [str(self._program), *options, *durable, *self._options]
        with open(self._folder / "log", "ab") as log:  # a pipe that nobody reads would fill
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline_s = time.monotonic() + _START_S
        while probe.ask(Endpoint(self._folder / "s")) is not probe.Answer.READY:
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise AssertionError((self._folder / "log").read_text("utf-8", "replace")[-4000:])
            time.sleep(_LOOK_EVERY_S)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
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
