"""What a worker has in hand, on disk, so that its next session finds it.

`journal` is JSON lines, appended; what was claimed is synced to the disk. `journal.lock` is held as
long as the session lives.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import anyio
import anyio.to_thread
import msgspec

from ...broker.errors import RqAgentError
from .handle import Handle

log = logging.getLogger(__name__)

_NAME: Final = "journal"
_LOCK_NAME: Final = "journal.lock"
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_REWRITE_BYTES: Final = 4 * 1024 * 1024
"""Appended since the last rewrite: a worker may live for months."""


class WatchTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever watches a started program has to know of it."""

    executor: str = "venv"
    grace_s: float = 30.0
    timeout_s: float = 0.0
    """0: none."""
    started_s: float = 0.0
    """When the program was started; on CLOCK_BOOTTIME, so that a suspended machine counts too."""
    exclusive: str = "keep"
    """What becomes of it when its lease can't be renewed: `keep` or `kill`."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that this worker has claimed and not yet ended.

    Other versions read it too: add fields, with defaults, and leave out none.
    """

    task_id: str
    fence: int
    nonce: str
    folder: str
    claim: dict[str, Any] = {}
    """What the worker wants to know again about the claim. JSON."""
    gpus: tuple[str, ...] | None = None
    """Which it was given; None: written by a version that did not say."""
    need: dict[str, float] = {}
    """What it takes of the worker; see capacity.py."""
    handle: Handle | None = None
    """None until its process is started; then left.find() may know more."""
    watch: WatchTerms | None = None
    """Set together with the handle."""
    sessions: int = 0
    """How many sessions of the worker died young beside it, one after the other; sessions.py."""


class _Line(msgspec.Struct, omit_defaults=True):
    event: Literal["claimed", "started", "ended"]
    task_id: str
    fence: int
    attempt: Attempt | None = None
    handle: Handle | None = None
    watch: WatchTerms | None = None


class _Batch:
    """Lines that are synced together, and what came of it."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []
        self.error: RqAgentError | None = None

    async def write(self, write: Callable[[Sequence[_Line]], None]) -> None:
        try:
            await anyio.to_thread.run_sync(write, self.lines)
        except RqAgentError as e:
            self.error = e


class Journal:
    """The journal of one worker name on one machine. Use it with `with`.

    Args:
        folder: the worker's folder; made if missing.
        worker: its name, for messages.

    Raises:
        RqAgentError: another live process has this name, or the disk is full.
    """

    def __init__(self, folder: Path, *, worker: str) -> None:
        self._path = folder / _NAME
        self._turn = anyio.Lock()
        self._next = _Batch()
        self._open: dict[tuple[str, int], Attempt] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder / _LOCK_NAME, worker)
        self._file = os.open(self._path, _APPEND, 0o600)
        self._appended_bytes = 0
        for line in _read(self._file, self._path):
            self._apply(line)
        self._rewrite()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another session of this name begin."""
        os.close(self._file)
        os.close(self._lock)

    def open_attempts(self) -> list[Attempt]:
        """Return what was claimed and not ended, oldest first."""
        return list(self._open.values())

    async def claimed(self, attempts: Sequence[Attempt]) -> None:
        """Store that the worker is about to work on these."""
        await self._append(
            [_Line(event="claimed", task_id=a.task_id, fence=a.fence, attempt=a) for a in attempts]
        )

    async def started(self, handle: Handle, watch: WatchTerms | None = None) -> None:
        """Store where the process of a claimed attempt is, and how it is to be watched."""
        line = _Line(
            event="started",
            task_id=handle.task_id,
            fence=handle.fence,
            handle=handle,
            watch=watch,
        )
        await self._append_soon([line])

    async def ended(self, task_id: str, fence: int) -> None:
        """Forget an attempt whose result is safe elsewhere."""
        await self._append_soon([_Line(event="ended", task_id=task_id, fence=fence)])

    async def _append_soon(self, lines: Sequence[_Line]) -> None:
        """Store lines so that they outlive this process; when the machine ends, nothing runs on."""
        async with self._turn:
            self._write(lines, is_synced=False)

    async def _append(self, lines: Sequence[_Line]) -> None:
        """Store lines. All that wait while the disk is busy share the next sync."""
        batch = self._next
        batch.lines += lines
        async with self._turn:
            if batch is self._next:
                self._next = _Batch()
                with anyio.CancelScope(shield=True):  # a line is stored and applied, or neither
                    await batch.write(self._write)
        if batch.error is not None:
            raise batch.error

    def _write(self, lines: Sequence[_Line], *, is_synced: bool = True) -> None:
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        _append(self._file, content, self._path, is_synced=is_synced)
        for line in lines:
            self._apply(line)
        self._appended_bytes += len(content)
        if is_synced and self._appended_bytes > _REWRITE_BYTES:
            self._rewrite()

    def _apply(self, line: _Line) -> None:
        key = (line.task_id, line.fence)
        if line.event == "claimed" and line.attempt is not None:
            self._open[key] = line.attempt
        elif line.event == "started" and key in self._open:
            known = self._open[key]
            self._open[key] = msgspec.structs.replace(known, handle=line.handle, watch=line.watch)
        elif line.event == "ended":
            self._open.pop(key, None)

    def _rewrite(self) -> None:
        """Replace the file by one that holds only what is open; if it can't, the old one serves."""
        lines = [
            _Line(event="claimed", task_id=a.task_id, fence=a.fence, attempt=a)
            for a in self._open.values()
        ]
        fresh = self._path.with_suffix(".new")
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        self._appended_bytes = 0
        fd = -1
        try:
            fd = os.open(fresh, _APPEND | os.O_TRUNC, 0o600)
            _append(fd, content, fresh)
            fresh.rename(self._path)
        except (RqAgentError, OSError) as e:
            if fd >= 0:
                os.close(fd)
            log.warning("the journal is not shortened: %s", e)
        else:
            os.close(self._file)
            self._file = fd


def _lock(path: Path, worker: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise RqAgentError(
            f"worker {worker} runs already on this machine (pid {holder}); "
            "stop it, or give this one another --name"
        ) from e
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode("ascii"), 0)
    return fd


def _append(fd: int, content: bytes, path: Path, *, is_synced: bool = True) -> None:
    """Append all of it or nothing."""
    size = os.fstat(fd).st_size
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(fd, left) :]
        if is_synced:
            os.fsync(fd)
    except OSError as e:
        os.ftruncate(fd, size)
        raise RqAgentError(f"can't write {path}: {e.strerror}; free some space") from e


def count_open(folder: Path) -> int:
    """Return how many attempts a session in this folder would find, without beginning one."""
    path = folder / _NAME
    try:
        content = path.read_bytes()
    except OSError:
        return 0
    keys: set[tuple[str, int]] = set()
    for line in _parse(content[: content.rfind(b"\n") + 1], path):
        (keys.discard if line.event == "ended" else keys.add)((line.task_id, line.fence))
    return len(keys)


def _read(fd: int, path: Path) -> list[_Line]:
    """Return the lines, and take away a last one that a crash has cut."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    os.ftruncate(fd, whole)
    return _parse(content[:whole], path)


def _parse(content: bytes, path: Path) -> list[_Line]:
    found: list[_Line] = []
    for number, text in enumerate(content.splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(text, type=_Line))
        except msgspec.MsgspecError as e:
            log.warning("%s, line %d is damaged and is left out: %s", path, number, e)
    return found
