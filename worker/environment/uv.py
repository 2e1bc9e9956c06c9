"""Runs uv: its words are passed on as they come, and it never outlives who asked for it."""

import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import msgspec

from ...broker.errors import BuildError, DiskFull

KEPT_LINES: Final = 60
_LINE_BYTES: Final = 8192
_KILL_S: Final = 10
_DROPPED: Final = (
    "CONDA_PREFIX",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_VENV_CLEAR",
    "UV_VENV_SEED",
    "VIRTUAL_ENV",
)
"""They would send uv to another interpreter or environment than the one that we name."""
_FULL: Final = ("No space left on device", "os error 28", "Disk quota exceeded", "os error 122")
_FRAME: Final = " \N{MULTIPLICATION SIGN}╰─▶"
"""What uv draws around its errors."""

Report = Callable[[str], None]
"""Gets one line at a time about long work."""


def silent(line: str) -> None:
    """Report nothing."""


class Uv(msgspec.Struct, frozen=True, kw_only=True):
    """The tool and the surroundings that it runs in."""

    binary: str
    cache: Path
    """uv's own cache: on the file system of the environments, so that files can be linked."""
    variables: dict[str, str]


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    code: int
    output: str
    words: str
    """The last lines of stderr."""


def bundled(cache: Path, variables: Mapping[str, str]) -> Uv:
    """Return the uv that we depend on, in surroundings that hold none of our own secrets."""
    import uv

    kept = {
        name: value
        for name, value in variables.items()
        if name not in _DROPPED and not name.startswith("RQ_AGENT_")
    }
    kept.setdefault("UV_PYTHON_DOWNLOADS", "never")
    return Uv(
        binary=os.fsdecode(uv.find_uv_bin()),
        cache=cache,
        variables=kept | {"UV_CACHE_DIR": str(cache), "NO_COLOR": "1"},
    )


async def run(
    uv: Uv,
    *argv: str,
    stdin: bytes = b"",
    report: Report = silent,
    program: str = "",
    cwd: str = "/",
) -> Ran:
    """Run uv (or another program) to its end. Cancelling kills it with all that it started."""
    process = await anyio.open_process(
        [program or uv.binary, *argv], env=uv.variables, cwd=cwd, start_new_session=True
    )
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    output = bytearray()
    try:
        async with anyio.create_task_group() as tg:
            tg.start_soon(_feed, process, stdin)
            tg.start_soon(_collect, process, output)
            async for line in _lines(process):
                lines.append(line)
                report(line)
        code = await process.wait()
    finally:
        with anyio.move_on_after(_KILL_S, shield=True):
            await _end(process)
    return Ran(code=code, output=output.decode("utf-8", "replace"), words="\n".join(lines))


def failure(uv: Uv, problem: str, words: str) -> BuildError:
    """Return the error for what uv said: one line to read in a list, all words behind it."""
    if any(mark in words for mark in _FULL):
        return DiskFull(f"disk full: no space left for {uv.cache.parent}; free some", words)
    told = [line.strip(_FRAME) for line in words.splitlines()]
    first = next((line for line in told if line.startswith(("error:", "No solution"))), "")
    cause = next((line for line in told if line.startswith(("cause:", "Because"))), "")
    said = "; ".join(filter(None, (first.removeprefix("error: "), cause.removeprefix("cause: "))))
    return BuildError(f"{problem}: {said}" if said else problem, words)


async def _feed(process: anyio.abc.Process, stdin: bytes) -> None:
    assert process.stdin is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        # Broken: it ended before it had read everything. Its exit code and words say why.
        await process.stdin.send(stdin)
    await process.stdin.aclose()


async def _collect(process: anyio.abc.Process, output: bytearray) -> None:
    assert process.stdout is not None
    async for chunk in process.stdout:
        output += chunk


async def _lines(process: anyio.abc.Process) -> AsyncIterator[str]:
    """Yield the lines of stderr; what is longer than a line may be is cut into several."""
    assert process.stderr is not None
    rest = b""
    async for chunk in process.stderr:
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(rest) > _LINE_BYTES:
            whole, rest = [*whole, rest], b""
        for line in whole:
            if line.strip():
                yield line.decode("utf-8", "replace")
    if rest.strip():
        yield rest.decode("utf-8", "replace")


async def _end(process: anyio.abc.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it ended by itself a moment ago
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    await process.aclose()
