"""A person at a terminal: the real program, in a home of its own."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.forking import program

T = TypeVar("T")
PROGRAM: Final = (sys.executable, "-m", "rq_agent.cli")
TIMEOUT_S: Final = 60.0


class Terminal:
    """Runs commands; `close` stops whatever they started."""

    program: Sequence[str] = PROGRAM

    def __init__(self, folder: Path, cache: Path) -> None:
        self.home = folder / "home"
        self.code = folder / "code"
        self.code.mkdir()
        self.home.mkdir()
        (self.home / "cache").symlink_to(cache)
        ours = {"RQ_AGENT_HOME": str(self.home), "NO_COLOR": ""}
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("RQ_AGENT")} | ours
        self._started: list[subprocess.Popen[bytes]] = []

    def script(self, text: str, name: str = "script.py") -> str:
        """Write a script; return its name."""
        (self.code / name).write_text(textwrap.dedent(text), "utf-8")
        return name

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return self._run(arguments, self.environ | environ, None)

    def fed(self, words: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, with words on its stdin."""
        return self._run(arguments, self.environ, words.encode())

    def _run(
        self, arguments: Sequence[str], environ: Mapping[str, str], words: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        if self.program == PROGRAM:
            return program().run(
                arguments, cwd=self.code, env=environ, words=words, timeout_s=TIMEOUT_S
            )
        return subprocess.run(
            [*self.program, *arguments],
            cwd=self.code,
            env=environ,
            input=words,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def text(self, *arguments: str) -> str:
        """Run a command that must succeed; return its stdout."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed; return what it printed."""
        return json.loads(self.text(*arguments, "--json"))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command and leave it running."""
        process = subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.code,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def workers(self) -> Sequence[Any]:
        """Return the live workers."""
        found: Sequence[Any] = self.json("worker", "ls")["workers"]
        return found

    def soon(self, look: Callable[[], T]) -> T:
        """Return what a look finds as soon as it finds anything: a worker hears of things late."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := look()):
            assert time.monotonic() < deadline, "nothing was found"
        return found

    def task(self, selector: str = "last") -> Any:
        """Return one task."""
        return self.json("show", selector)

    def close(self) -> None:
        """Stop everything."""
        for process in self._started:
            _terminate(process)
        self("down", "--force")
        settings = self.home / "config" / "config.toml"
        if settings.exists():  # it may name another server than the one that was started first
            settings.unlink()
            self("down", "--force")


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask once, and again: a worker that is asked twice gives its tasks back."""
    for _ in range(20):
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.communicate()


def until_line(process: subprocess.Popen[bytes], text: bytes, *, of_stderr: bool = False) -> bytes:
    """Return the lines of a process up to the one that holds a text."""
    stream = process.stderr if of_stderr else process.stdout
    assert stream is not None
    seen = b""
    for line in stream:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} is not in {seen!r}; stderr: {process.communicate()[1]!r}")
