"""Light workers in processes of their own, which can be killed, stopped and woken."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import anyio
import msgspec

from .ledger import Kind, Ledger, Line
from .light import Light
from .zygote import Fork, Reap

_ROOT: Final = Path(__file__).parents[2]
_DEADLINE_S: Final = 60.0


class Member:
    """One worker process."""

    def __init__(self, light: Light, pid: int) -> None:
        self.light = light
        self.pid = pid
        self.is_paused = False


class Crew:
    """Workers 0 to `size` - 1. What is left of them at the end is killed.

    Open it in the main thread: its processes end with the thread that started them.
    """

    def __init__(
        self, url: str, namespace: str, ledger: Ledger, *, size: int = 0, **options: Any
    ) -> None:
        """Args.

        url: of the server, or of a proxy before it.
        namespace: its name.
        ledger: where the workers write what they do.
        size: how many workers start at once.
        options: of Light, for all of them.
        """
        self._ledger = ledger
        self._pen = ledger.pen("crew")
        self._light = Light(
            name="",
            url=url,
            namespace=namespace,
            ledger="",
            home=str(ledger.folder / "home"),
            **options,
        )
        self._size = size
        self._named = 0
        self.members: list[Member] = []

    def __enter__(self) -> Self:
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(self._size):
            self.add()
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()  # it kills what is left, also what stands still
        self._zygote.wait()
        assert self._zygote.stdout is not None
        self._zygote.stdout.close()
        self.members = []

    def add(self, **options: Any) -> int:
        """Start one more worker, with options of its own; return its number."""
        self.members.append(self._fork(msgspec.structs.replace(self._light, **options)))
        return len(self.members) - 1

    def kill(self, number: int) -> None:
        """End one as a crash would."""
        member = self.members[number]
        self._write("kill", member)
        os.kill(member.pid, signal.SIGKILL)
        self._ask(Reap(member.pid))

    def restart(self, number: int, *, as_new: bool = False, **options: Any) -> None:
        """Start one again that was killed: under its name, or `as_new` under another one."""
        light = msgspec.structs.replace(self.members[number].light, **options)
        if as_new:
            light = msgspec.structs.replace(light, name="")
        self.members[number] = self._fork(light)

    def pause(self, number: int) -> None:
        """Let one stand still."""
        member = self.members[number]
        os.kill(member.pid, signal.SIGSTOP)
        member.is_paused = True
        self._write("stop", member)

    def resume(self, number: int) -> None:
        """Let one go on."""
        member = self.members[number]
        self._write("wake", member)
        member.is_paused = False
        os.kill(member.pid, signal.SIGCONT)

    def anyone(self, rng: random.Random) -> int:
        """Return the number of a worker that runs."""
        return rng.choice([n for n, m in enumerate(self.members) if not m.is_paused])

    async def ready(self) -> None:
        """Wait until all workers are about to claim."""
        pids = {member.pid for member in self.members}
        with anyio.fail_after(_DEADLINE_S):
            while not pids <= {line.pid for line in self._ledger.lines("up")}:
                await anyio.sleep(0.02)

    def _fork(self, light: Light) -> Member:
        name = light.name
        if not name:
            name, self._named = f"w{self._named}", self._named + 1
        path = str(self._ledger.folder / f"{name}.jsonl")
        light = msgspec.structs.replace(light, name=name, ledger=path)
        return Member(light, self._ask(Fork(light)))

    def _ask(self, order: Fork | Reap) -> int:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(msgspec.json.encode(order) + b"\n")
        self._zygote.stdin.flush()
        return int(self._zygote.stdout.readline())

    def _write(self, kind: Kind, member: Member) -> None:
        line = Line(kind=kind, at=time.monotonic(), worker=member.light.name, pid=member.pid)
        self._pen.write(line)
