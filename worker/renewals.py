"""Tells the shim of an exclusive task until when it may let it run."""

import logging
from pathlib import Path

import anyio
import anyio.to_thread

from .held import Held
from .process import deadline

log = logging.getLogger(__name__)


async def tell_shim(held: Held, folder: Path) -> None:
    """Pass on each renewal of the lease, forever; without one the shim kills the program in time.

    Args:
        held: the task.
        folder: its run folder.
    """
    while True:
        renewed = held.renewed
        if held.safe_until_s:
            try:
                await anyio.to_thread.run_sync(deadline.write, str(folder), held.safe_until_s)
            except OSError as e:
                log.warning("task %s: its deadline stays: %s", held.claim.task_id, e)
        await renewed.wait()
