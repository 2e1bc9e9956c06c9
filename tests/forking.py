"""Runs the program in forks of a process that has imported it: hundreds of starts cost too much.

What a start itself does (imports, closed streams, signals, terminals) is tested with the program
as people start it: tests/integration/cli/test_cli_start.py, `Terminal.start`, `Pseudo`.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

_CODE: Final = struct.Struct("!i")
_SIZE: Final = struct.Struct("!I")


class Program:
    """A process that has imported the command line, and forks once for each command."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        words: bytes | None,
        timeout_s: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end.

        Args:
            arguments: behind the program's name.
            cwd: where the person stands.
            env: the whole environment.
            words: on its stdin; None: nothing, and no terminal.
            timeout_s: then it is killed.

        Raises:
            subprocess.TimeoutExpired: it was killed.
        """
        with ExitStack() as opened:
            streams = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(words or b"")
            streams[0].seek(0)
            ending = opened.enter_context(self._begun(arguments, cwd, env, streams))
            ending.settimeout(timeout_s)
            pid = _CODE.unpack(ending.recv(_CODE.size))[0]
            try:
                answer = ending.recv(_CODE.size)
            except TimeoutError as e:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout_s) from e
            assert answer, f"{arguments} died"
            said = [_content(file) for file in streams[1:]]
        return subprocess.CompletedProcess(arguments, _CODE.unpack(answer)[0], *said)

    def close(self) -> None:
        """End it."""
        self._ours.close()
        self._process.wait()

    def _begun(
        self,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: Sequence[IO[bytes]],
    ) -> socket.socket:
        ours, theirs = socket.socketpair()
        request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": dict(env)}).encode()
        with theirs, self._turn:
            fds = [*(stream.fileno() for stream in streams), theirs.fileno()]
            socket.send_fds(self._ours, [_SIZE.pack(len(request))], fds)
            self._ours.sendall(request)
        return ours


@lru_cache(1)
def program() -> Program:
    """Return the one of this test process; it ends with it."""
    return Program()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
