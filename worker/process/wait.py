"""Waits for the end of a task, whoever started it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.to_thread
import msgspec

from . import exit_file, foreign_file, leftovers
from .handle import Handle, is_alive

LOST: Final = "supervisor lost"
_EXIT_BYTES: Final = 1024 * 1024
_POLL_S = 0.01
"""Only where the kernel has no pidfd."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended. Without an error, either code or signal is set."""

    code: int | None = None
    signal: int | None = None
    core: bool = False
    error: str = ""
    """Why there is neither: the program could not be started, or its shim is lost."""
    started_at: float | None = None
    ended_at: float | None = None
    """Unix seconds on the clock of this machine."""
    stopped_by: Literal["term", "kill", "deadline"] | None = None
    """What we sent last before it ended; "deadline": its lease was not renewed in time."""
    oom: bool = False
    """It was killed because it used more memory than it may, `mem_limit_mib`."""
    mem_limit_mib: float = 0
    machine_oom: bool = False
    """It was killed by SIGKILL, and not by us, while the machine ran out of memory."""
    leftovers: int = 0
    """Processes that the program left behind and that were killed."""
    max_rss_kib: int = 0
    cpu_s: float = 0


async def wait(handle: Handle) -> Exit:
    """Return how the task ended, as soon as it has. May be called again, by any process."""
    await gone(handle)
    found = read_exit(Path(handle.folder))  # written just now: no disk to wait for
    if found is not None:
        return found
    # Without its shim nobody else ends what the task left running.
    await anyio.to_thread.run_sync(leftovers.kill, handle)
    return Exit(error=LOST)


async def gone(handle: Handle) -> None:
    """Return when the shim has ended."""
    try:
        with open_pidfd(handle) as fd:
            if fd is not None:
                await anyio.wait_readable(fd)
    except PidfdMissing:
        while is_alive(handle):  # noqa: ASYNC110 - nobody but us could set an event
            await anyio.sleep(_POLL_S)


def read_exit(folder: Path) -> Exit | None:
    """Return what the shim wrote, or None if it wrote nothing."""
    try:
        return msgspec.json.decode(
            foreign_file.read(folder / exit_file.NAME, _EXIT_BYTES), type=Exit
        )
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as e:  # the task may have put anything in its place
        return Exit(error=f"{folder / exit_file.NAME} is damaged: {e}")


class PidfdMissing(Exception):
    """This kernel offers no pidfd."""


@contextmanager
def open_pidfd(handle: Handle) -> Iterator[int | None]:
    """Open the very process of a handle; None if it is gone.

    Raises:
        PidfdMissing: not on this system.
    """
    if not hasattr(os, "pidfd_open"):
        raise PidfdMissing
    try:
        fd = os.pidfd_open(handle.pid)
    except ProcessLookupError:
        yield None
        return
    except OSError as e:
        raise PidfdMissing from e
    try:
        # Compared after opening: if the pid was used again, it was so before.
        yield fd if is_alive(handle) else None
    finally:
        os.close(fd)
