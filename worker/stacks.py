"""Where the processes of a task stand: of Python the stacks, of others what the kernel tells.

Nothing is told of their arguments, variables and values: they may hold secrets.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Final

import anyio
import anyio.to_thread
import msgspec

_PROCESSES: Final = 16
_THREADS: Final = 16
_FRAMES: Final = 60
_LINES: Final = 400
"""In all: less than a shipping keeps while Redis is away."""
_KERNEL_FRAMES: Final = 8
_BYTES: Final = 4 * 1024 * 1024
_ONE_S: Final = 10.0
_ALL_S: Final = 60.0
_MISSING: Final = "py-spy is not installed beside the worker: no Python stacks (pip install py-spy)"


class _Frame(msgspec.Struct, frozen=True):
    name: str
    filename: str
    line: int


class _Thread(msgspec.Struct, frozen=True):
    frames: tuple[_Frame, ...]
    thread_name: str | None = None
    owns_gil: bool = False


class NoStacks(Exception):
    """There are none to be had; the text says why."""


async def lines_of(pids: Sequence[int]) -> list[str]:
    """Return where some of these processes stand, a line each; takes up to a minute."""
    found: list[str] = []
    py_spy, problems = find_py_spy(), dict[str, None]()
    with anyio.move_on_after(_ALL_S):
        for pid in pids[:_PROCESSES]:
            found += await anyio.to_thread.run_sync(kernel_lines, pid)
            if not is_python(pid):
                continue
            try:
                found += thread_lines(await _dump(py_spy, pid))
            except NoStacks as e:
                problems[str(e)] = None
    if len(pids) > _PROCESSES:
        found.append(f"and {len(pids) - _PROCESSES} more processes")
    if len(found) > _LINES:
        found = [*found[:_LINES], f"and {len(found) - _LINES} more lines"]
    return [*found, *problems]


def find_py_spy() -> str:
    """Return the path of py-spy, beside this Python or else on the PATH; empty: there is none."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("py-spy") or ""


def is_python(pid: int) -> bool:
    """Return whether a process runs a Python, as far as the name of its program tells."""
    try:
        return "python" in Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:  # gone, or somebody else's
        return False


async def _dump(py_spy: str, pid: int) -> bytes:
    """Have py-spy look at one process.

    It does not stop the process for that: a system call of a library that is interrupted may
    fail, and what hangs stands still anyway.

    Raises:
        NoStacks: it can't, or there is none.
    """
    if not py_spy:
        raise NoStacks(_MISSING)
    command = [py_spy, "dump", "--nonblocking", "--json", "--pid", str(pid)]
    said, problem = b"", b""
    with anyio.move_on_after(_ONE_S) as scope:
        try:
            process = await anyio.open_process(command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
        except OSError as e:
            raise NoStacks(f"py-spy can't be started: {e.strerror}") from e
        try:
            said, problem = await _read(process.stdout), await _read(process.stderr)
            if await process.wait() == 0:
                return said
        finally:
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                await process.aclose()
    if scope.cancelled_caught:
        raise NoStacks(f"py-spy looked at process {pid} for {_ONE_S:g} s in vain")
    words = problem.decode("utf-8", "replace").partition("\n")[0][:200]
    raise NoStacks(f"py-spy can't look at process {pid}: {words}")


async def _read(stream: anyio.abc.ByteReceiveStream | None) -> bytes:
    """Return all that comes, but not much more than is of use."""
    found = b""
    if stream is not None:
        async for part in stream:
            found += part
            if len(found) > _BYTES:
                break
    return found


def thread_lines(dump: bytes) -> Iterator[str]:
    """Return the threads of what py-spy found, the innermost call of each first.

    Raises:
        NoStacks: it is not what py-spy writes, or too much of it.
    """
    try:
        threads = msgspec.json.decode(dump, type=list[_Thread])
    except msgspec.DecodeError as e:
        raise NoStacks(f"py-spy wrote what can't be read: {e}"[:200]) from e
    threads.sort(key=lambda thread: thread.thread_name != "MainThread")
    for thread in threads[:_THREADS]:
        gil = ", holds the GIL" if thread.owns_gil else ""
        yield f"  thread {thread.thread_name or 'without a name'}{gil}"
        for frame in thread.frames[:_FRAMES]:
            yield f"    {frame.name} ({frame.filename}:{frame.line})"
        if len(thread.frames) > _FRAMES:
            yield f"    and {len(thread.frames) - _FRAMES} more calls"
    if len(threads) > _THREADS:
        yield f"  and {len(threads) - _THREADS} more threads"


def kernel_lines(pid: int) -> list[str]:
    """Return what the kernel tells of a process; nothing of one that is gone."""
    folder = Path(f"/proc/{pid}")
    status = dict(line.partition(":")[::2] for line in _text(folder / "status").splitlines())
    if not status:
        return []
    name, state = status.get("Name", "?").strip(), status.get("State", "?").strip()
    waits = _text(folder / "wchan").strip("0\n")
    threads = status.get("Threads", "1").strip()
    where = f", waits in {waits}" if waits else ""
    many = f", {threads} threads" if threads != "1" else ""
    stack = _text(folder / "stack").splitlines()  # only root may read it
    calls = [f"  kernel: {line.rpartition(' ')[2]}" for line in stack[:_KERNEL_FRAMES]]
    return [f"process {pid} {name}: {state}{where}{many}", *calls]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
