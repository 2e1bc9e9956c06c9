"""Processes whose clock can be set, by libfaketime: only the wall clock, time goes on as ever."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from redis import Redis

from ..servers import valkey_binary

_LIBRARIES: Final = ("/usr/lib", "/usr/local/lib")
_NAME: Final = "faketime/libfaketimeMT.so.1"
_DEADLINE_S: Final = 20.0


def library() -> Path:
    """Return libfaketime. A machine without it can't run these tests: no skipping."""
    found = [path for folder in _LIBRARIES for path in Path(folder).glob(f"**/{_NAME}")]
    assert found, "libfaketime is not there: sudo deploy/install-faketime.sh"
    return found[0]


def faked(offset_file: Path) -> dict[str, str]:
    """Return the environment of a process whose clock is off by what a file says."""
    return {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset_file),
        "FAKETIME_NO_CACHE": "1",  # the file is read again at each look at the clock
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def off_by(file: Path, seconds: int) -> None:
    """Set how far the clock of a process is off; at once, and as a whole."""
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(file)


class ClockedServer:
    """A server on a socket of its own. Valkey: Debian's redis-server does not start so."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="rqac")
        folder = Path(self._folder.name)
        self.socket = folder / "s"
        self._offset = folder / "offset"
        off_by(self._offset, 0)
        fixed = [
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self._process = subprocess.Popen(
            [str(valkey_binary()), *fixed], env=faked(self._offset), stdout=subprocess.DEVNULL
        )
        until_s = time.monotonic() + _DEADLINE_S
        while not self.socket.exists():
            assert self._process.poll() is None, "the server did not start under libfaketime"
            assert time.monotonic() < until_s, "the server is not ready"
            time.sleep(0.01)
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def set_off(self, seconds: int) -> None:
        """Let its clock be off by so many seconds, and see it."""
        off_by(self._offset, seconds)
        until_s = time.monotonic() + _DEADLINE_S
        with Redis(unix_socket_path=str(self.socket)) as client:
            while abs(client.time()[0] - time.time() - seconds) > 5:
                assert time.monotonic() < until_s, "its clock was not set"
                time.sleep(0.01)
