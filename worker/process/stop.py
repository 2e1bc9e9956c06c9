"""Stops a task, whoever started it."""

import os
import signal
import time
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from . import leftovers, supervision
from .handle import Handle, is_alive
from .wait import PidfdMissing, gone, open_pidfd

SHIM_PATIENCE_S = 5.0
"""How much longer than the grace the shim may take before the worker kills the tree itself."""


async def stop(handle: Handle, *, grace_s: float) -> None:
    """Send SIGTERM to the task, SIGKILL to its whole tree after the grace; return when it is gone.

    May be called again: a shorter grace shortens the one that runs. 0 is SIGKILL at once.
    """
    await anyio.to_thread.run_sync(_ask, Path(handle.folder), grace_s)
    if not _signal_shim(handle):
        return
    with anyio.move_on_after(grace_s + SHIM_PATIENCE_S):
        await gone(handle)
        return
    await anyio.to_thread.run_sync(leftovers.kill, handle)


def _ask(folder: Path, grace_s: float) -> None:
    line = msgspec.json.encode({"grace_s": grace_s, "at": time.time()}) + b"\n"
    try:
        with (folder / supervision.STOP_NAME).open("ab", buffering=0) as f:
            f.write(line)
    except OSError:
        # Full disk, or the folder is gone: the shim then uses the grace of the spec.
        return


def _signal_shim(handle: Handle) -> bool:
    """Return whether there was a shim to signal. Never signals another process of that pid."""
    try:
        with open_pidfd(handle) as fd:
            if fd is None:
                return False
            signal.pidfd_send_signal(fd, signal.SIGTERM)
            return True
    except ProcessLookupError:
        return False
    except PidfdMissing:
        if not is_alive(handle):
            return False
        os.kill(handle.pid, signal.SIGTERM)
        return True
