"""Drives a host as a worker does: commands over the socket, reports from the files."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple, TypeVar

from rq_agent.worker.sdk_folder import host_path

DEADLINE_S = 10.0
T = TypeVar("T")


def wait_for(look: Callable[[], bool]) -> None:
    """Wait for what sends no event."""
    deadline = time.monotonic() + DEADLINE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Done(NamedTuple):
    """One entry of a report `done`."""

    key: str
    outcome: str
    exit_code: int | None
    reason: str
    result: str | None
    note: str
    lasted_ms: int


class Driven:
    """A host process in a folder of its own, and all that it has said so far."""

    def __init__(
        self,
        folder: Path,
        cache: Path,
        *,
        kind: str = "coroutine",
        python: str = sys.executable,
        variables: Mapping[str, str] | None = None,
        lag_s: float = 2.0,
    ) -> None:
        self.kind = kind
        self.folder = folder / "host"
        self.work = folder / "work"
        self.folder.mkdir(mode=0o700)
        self.work.mkdir()
        self.own_output = folder / "own-output"
        self._keys = itertools.count(1)
        self._modules = itertools.count(1)
        self.reports: list[list[Any]] = []
        self._segment = 1
        self._read = 0
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RQ_AGENT"))}
        with self.own_output.open("wb") as own:
            self.process = subprocess.Popen(
                [
                    python,
                    "-u",
                    str(host_path(cache)),
                    str(self.folder),
                    kind,
                    "an argument",
                ],
                cwd=self.work,
                env={**clean, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=own,
                stderr=subprocess.STDOUT,
            )
        self.connect(lag_s=lag_s)

    def connect(self, *, lag_s: float = 2.0, **options: float) -> None:
        """Connect, in place of the connection before."""
        deadline = time.monotonic() + DEADLINE_S
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(0.05)
        place = os.open(self.folder, os.O_PATH)
        try:
            while True:
                try:
                    self.socket.connect(f"/proc/self/fd/{place}/socket")
                    break
                except OSError:
                    assert time.monotonic() < deadline, self.own_output.read_text()
                    time.sleep(0.005)
        finally:
            os.close(place)
        self.say("hello", {"lag_s": lag_s, **options})

    def close(self) -> None:
        """End the process."""
        self.socket.close()
        self.process.kill()
        self.process.wait()

    def module(self, source: str) -> str:
        """Put a module there; return its name."""
        name = f"users{next(self._modules)}"
        (self.work / f"{name}.py").write_text(dedent(source))
        return name

    def say(self, *command: object) -> None:
        """Send a command."""
        self.say_bytes(json.dumps(command).encode() + b"\n")

    def say_bytes(self, data: bytes) -> None:
        """Send what may be no command."""
        self.socket.settimeout(DEADLINE_S)
        self.socket.sendall(data)

    def start(
        self,
        target: str,
        *args: object,
        timeout_s: float = 0,
        grace_s: float = 5,
        log: bool = True,
        **kwargs: object,
    ) -> str:
        """Start a call; return its key."""
        key = f"t{next(self._keys)}.1"
        self.say("start", [[key, target, [args, kwargs], timeout_s, grace_s, f"of {key}", log]])
        return key

    def run(self, target: str, *args: object, **options: Any) -> Done:
        """Start a call and wait for its end."""
        return self.done(self.start(target, *args, **options))

    def function(self, source: str, *args: object, name: str = "main", **options: Any) -> Done:
        """Run `main` of a module of this source, to its end."""
        return self.run(f"{self.module(source)}:{name}", *args, **options)

    def until(self, look: Callable[[], T | None]) -> T:
        """Wait until `look` finds something in what was said."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.listen()
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                said = [str(one)[:500] for one in self.reports[-20:]]
                raise TimeoutError("\n".join([*said, self.own_output.read_text()]))
            self.socket.settimeout(0.05)
            with contextlib.suppress(TimeoutError, OSError):
                self.socket.recv(4096)

    def report(self, name: str, *begin: object) -> list[Any]:
        """Wait for a report that begins so; return what follows its name."""
        wanted = [name, *begin]
        return self.until(
            lambda: next((one[1:] for one in self.reports if one[: len(wanted)] == wanted), None)
        )

    def done(self, key: str) -> Done:
        """Wait for the end of a call."""
        return self.until(lambda: self.ended().get(key))

    def ended(self) -> dict[str, Done]:
        """All ends so far; a call ends once."""
        entries = [Done(*entry) for one in self.reports if one[0] == "done" for entry in one[1]]
        assert len({entry.key for entry in entries}) == len(entries)
        return {entry.key: entry for entry in entries}

    def output(self, key: str, stream: str = "out") -> str:
        """What a call has printed so far; its parts follow each other without gap."""
        text = ""
        for one in self.reports:
            if one[:3] == ["out", key, stream]:
                assert one[3] == len(text.encode()), one
                text += one[4]
        return text

    def printed(self, key: str, wanted: str, stream: str = "out") -> str:
        """Wait until a call has printed something; return all of the stream."""
        return self.until(lambda: text if wanted in (text := self.output(key, stream)) else None)

    def listen(self) -> None:
        """Read what is new in the files."""
        while True:
            is_complete = self._path(self._segment + 1).exists()
            try:
                with self._path(self._segment).open("rb") as file:
                    file.seek(self._read)
                    data = file.read()
            except FileNotFoundError:
                return
            end = data.rfind(b"\n") + 1
            self._read += end
            self.reports += [json.loads(line) for line in data[:end].splitlines()]
            if not is_complete:
                return
            self._segment, self._read = self._segment + 1, 0

    def _path(self, number: int) -> Path:
        return self.folder / f"reports.{number}"
