"""Keep the packs on a worker's disk within bounds."""

import shutil
import time
from pathlib import Path
from typing import Final

_IN_USE_S: Final = 600
"""A pack that was used so lately may be read right now."""


def trim(cache: Path, *, max_bytes: int, now_s: float | None = None) -> int:
    """Delete the packs used least recently until the rest fits; return the bytes freed.

    Half-made ones of unpackers that died go too.
    """
    now = time.time() if now_s is None else now_s
    found = [_Pack(folder) for folder in cache.iterdir()] if cache.is_dir() else []
    total = sum(pack.size_bytes for pack in found)
    freed = 0
    for pack in sorted(found, key=lambda pack: pack.used_s):
        is_idle = now - pack.used_s > _IN_USE_S
        if is_idle and (pack.is_half_made or total - freed > max_bytes):
            shutil.rmtree(pack.folder, ignore_errors=True)  # another worker may be trimming too
            freed += pack.size_bytes
    return freed


class _Pack:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_half_made = folder.name.startswith(".making-")
        self.used_s = _mtime_s(folder)
        self.size_bytes = sum(_size_bytes(path) for path in folder.rglob("*"))


def _mtime_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size_bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
