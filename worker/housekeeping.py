"""Removes what a worker no longer needs on its disk: old run folders, old packs."""

import logging
import shutil
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from ..broker.snapshot.trim import trim
from .tools import Tools

log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_PACKS_BYTES = 5 * 1024**3


async def keep_house(tools: Tools) -> None:
    """Look once an hour, forever."""
    while True:
        held = {Path(attempt.folder) for attempt in tools.journal.open_attempts()}
        oldest_s = time.time() - tools.config.keep_runs_s
        tasks = tools.folder / "tasks"
        packs = tools.config.home.cache / "snapshots"
        try:
            await anyio.to_thread.run_sync(partial(remove_old, tasks, held, oldest_s=oldest_s))
            await anyio.to_thread.run_sync(partial(trim, packs, max_bytes=_PACKS_BYTES))
        except OSError as e:  # no reason to end: the next task may still find room
            log.warning("old files stay: %s", e)
        await anyio.sleep(_EVERY_S)


def remove_old(tasks: Path, held: Collection[Path], *, oldest_s: float) -> list[Path]:
    """Remove the run folders that nobody holds and that were last changed before a Unix time."""
    if not tasks.is_dir():
        return []
    old = [f for f in tasks.iterdir() if f not in held and f.stat().st_mtime < oldest_s]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return old
