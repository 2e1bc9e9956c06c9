"""A command on a terminal of its own: what it draws, keys, Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Final

from .terminal import PROGRAM, Terminal

_LIMIT_S: Final = 30.0
_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Pseudo:
    """A running command whose stdin, stdout and stderr are one terminal."""

    def __init__(
        self, terminal: Terminal, *arguments: str, columns: int = 100, lines: int = 24
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environ = {k: v for k, v in terminal.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=terminal.code,
            env=environ | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, text: str, limit_s: float = _LIMIT_S) -> str:
        """Read until a text was drawn; return all that was, without control sequences."""
        deadline = time.monotonic() + limit_s
        while text not in self.plain:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.plain[-3000:]!r}"
            assert self._read(), f"{text!r} is not in {self.plain[-3000:]!r}"
        return self.plain

    def forget(self) -> None:
        """Let until() look at what comes from now on."""
        self.seen = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Read to the end; return the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(timeout=_LIMIT_S)

    @property
    def plain(self) -> str:
        """Return what was drawn so far, without control sequences."""
        return _SEQUENCE.sub("", self.seen)

    def _read(self) -> bool:
        """Read some; return whether there may be more."""
        ready, _, _ = select.select([self._ours], [], [], 1.0)
        try:
            part = os.read(self._ours, 65_536) if ready else b""
        except OSError:  # what reading a terminal raises at its end
            return False
        self.seen += part.decode("utf-8", "replace")
        return bool(part) or not ready
