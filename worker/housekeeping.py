"""Removes what a worker no longer needs on its disk: old run folders, old packs."""

import logging
import shutil
import time
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from .tools import Tools

log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_PACKS_BYTES = 5 * 1024**3


async def keep_house(tools: Tools) -> None:
    """Look once an hour, forever."""
    while True:
        await anyio.to_thread.run_sync(partial(tidy, tools))
        await anyio.sleep(_EVERY_S)


def tidy(tools: Tools) -> None:
    """Remove run folders of tasks that ended long ago, and the packs used least recently."""
    held = {Path(a.folder) for a in tools.journal.open_attempts()}
    oldest_s = time.time() - tools.config.keep_runs_s
    for folder in _folders(tools.folder / "tasks"):
        if folder not in held and folder.stat().st_mtime < oldest_s:
            shutil.rmtree(folder, ignore_errors=True)
    packs = _folders(tools.config.home.cache / "snapshots")
    for folder in beyond(packs, most_bytes=_PACKS_BYTES):
        log.info("pack %s: evicted", folder.name[:12])
        shutil.rmtree(folder, ignore_errors=True)


def beyond(folders: list[Path], *, most_bytes: int) -> list[Path]:
    """Return the folders to remove, least recently used first, until the rest is small enough."""
    newest_first = sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)
    total = 0
    surplus = []
    for folder in newest_first:
        total += size_bytes(folder)
        if total > most_bytes:
            surplus.append(folder)
    return surplus[::-1]


def size_bytes(folder: Path) -> int:
    """Return what the files below a folder hold."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [p for p in parent.iterdir() if p.is_dir() and not p.name.startswith(".")]
