"""The worker's end of the launcher: asks it for one shim per task."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio
import anyio.abc
import msgspec

from ...broker.errors import RqAgentError
from . import cgroup_place, identity, launcher_loop, spec
from . import handle as handles
from .handle import Handle
from .spec import Spec

_PROGRAM: Final = Path(__file__).with_name("launcher_main.py")
_ANSWER_S = 10.0
"""A fork takes about 1 ms; a launcher that takes longer than this hangs."""
_END_S = 2.0


class _Request(msgspec.Struct):
    folder: str
    claim: str
    read_only: tuple[str, ...]


class _Answer(msgspec.Struct):
    pid: int = 0
    started_ticks: int = 0
    error: str = ""


class _Line:
    """A running launcher and the socket to it."""

    def __init__(self, process: anyio.abc.Process, channel: socket.socket) -> None:
        self.process = process
        self.channel = channel

    @classmethod
    async def open(cls, python: str) -> Self:
        """Start a launcher in a session of its own, so that no Ctrl-C reaches it."""
        with ExitStack() as opened:
            ours, theirs = (opened.enter_context(end) for end in socket.socketpair())
            ours.setblocking(False)
            process = await anyio.open_process(
                [python, "-I", "-S", str(_PROGRAM), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
            theirs.close()
            opened.pop_all()
        return cls(process, ours)

    async def close(self) -> None:
        """End the launcher. Its shims go on."""
        self.channel.close()
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_END_S):
                await self.process.wait()
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()

    async def ask(self, request: _Request, held: Sequence[int]) -> _Answer | None:
        """Have a shim started; None if the launcher died and may or may not have done it."""
        try:
            # One small request at a time: it always fits the buffer of the socket.
            socket.send_fds(self.channel, [msgspec.json.encode(request) + b"\n"], held)
            with anyio.fail_after(_ANSWER_S):
                line = await self._answer()
        except (OSError, TimeoutError):
            return None
        return msgspec.json.decode(line, type=_Answer) if line else None

    async def _answer(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            await anyio.wait_readable(self.channel)
            part = self.channel.recv(4096)
            if not part:
                return b""
            line += part
        return line


class Launcher:
    """Starts tasks. Use it with `async with`; the tasks outlive it."""

    def __init__(self, *, python: str = sys.executable, groups: str | None = None) -> None:
        """`groups`: below which control group tasks get theirs; empty: they get none."""
        self._python = python
        self._groups = cgroup_place.find() if groups is None else groups
        self._line: _Line | None = None
        self._turn = anyio.Lock()

    async def __aenter__(self) -> Self:
        self._line = await _Line.open(self._python)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    def sweep(self, tasks: Path) -> None:
        """Remove the control groups that tasks of earlier sessions left.

        Args:
            tasks: the folder of the run folders.
        """
        cgroup_place.sweep(self._groups, tasks)

    async def start(self, what: Spec, folder: Path, *, held: Sequence[int] = ()) -> Handle:
        """Start a program under a shim of its own.

        A launcher that died is replaced; what it was asked for last happens exactly once.

        Args:
            what: the program. Whether it could be executed is told by wait().
            folder: an existing folder that no task was started in.
            held: file descriptors, at most 16, that stay open as long as the task runs.

        Raises:
            RqAgentError: the folder can't be used, or no process can be started.
        """
        if len(held) > launcher_loop.MAX_HELD:
            raise RqAgentError(f"{len(held)} held files; at most {launcher_loop.MAX_HELD}")
        group = cgroup_place.path_for(self._groups, folder)
        what = msgspec.structs.replace(what, cgroup=group)
        folder = spec.write(what, folder)  # sooner done than handed to a thread
        async with self._turn:
            # Nobody else may read an answer that a cancelled caller did not wait for.
            with anyio.CancelScope(shield=True):
                handle = await self._start(what, folder, held)
        return handle

    async def _start(self, what: Spec, folder: Path, held: Sequence[int]) -> Handle:
        for claim in handles.CLAIMS:
            if self._line is None:
                self._line = await _Line.open(self._python)
            request = _Request(str(folder), claim, what.read_only)
            answer = await self._line.ask(request, held)
            if answer is not None:
                return _handle(what, folder, answer)
            await self._close()
            taken = handles.give_up(folder, claim)
            if taken is not None:
                return handles.of_spec(what, folder, *taken)
        raise RqAgentError(f"the launcher died twice while it started {folder}; nothing runs there")

    async def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _handle(what: Spec, folder: Path, answer: _Answer) -> Handle:
    if answer.error:
        raise RqAgentError(f"can't start {folder}: {answer.error}")
    started = answer.started_ticks or identity.started_ticks(answer.pid) or 0
    return handles.of_spec(what, folder, answer.pid, started, identity.boot_id())
