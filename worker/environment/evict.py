"""Frees disk: the environments that were not used for longest go first, those in use stay."""

import logging
import os
import shutil
from collections.abc import Iterable
from typing import Final

import msgspec

from . import tree
from .locks import try_lock
from .place import TRASH, Places, read_marker

log = logging.getLogger(__name__)

MOST_BYTES: Final = 20 * 1024**3
FREE_SHARE: Final = 0.3
"""Of the disk that would be free without any environment."""


class Cached(msgspec.Struct, frozen=True, kw_only=True):
    """One environment, for the rule below."""

    key: str
    size_bytes: int
    last_used_ns: int


def default_bytes(*, free_bytes: int, cached_bytes: int) -> int:
    """Return how much environments may take when nobody said."""
    return min(MOST_BYTES, int(FREE_SHARE * (free_bytes + cached_bytes)))


def removal_order(cached: Iterable[Cached]) -> list[Cached]:
    """Return the environments, the one not used for longest first."""
    return sorted(cached, key=lambda one: (one.last_used_ns, one.key))


def evict(places: Places, max_bytes: int | None) -> list[str]:
    """Remove environments until the others fit; return the removed keys. Skips those in use."""
    cached = list(_cached(places))
    total = sum(one.size_bytes for one in cached)
    allowed = _allowed_bytes(places, total, max_bytes)
    removed = []
    for one in removal_order(cached):
        if total <= allowed:
            break
        if _remove_unused(places, one.key):
            total -= one.size_bytes
            removed.append(one.key)
    return removed


def is_uv_cache_too_large(places: Places, max_bytes: int | None) -> bool:
    """Return whether uv keeps more for itself than environments may take.

    A file that an environment shares with uv's cache takes no room of its own there.
    """
    own = tree.unshared_bytes(places.uv)
    return own > _allowed_bytes(places, own, max_bytes)


def sweep(places: Places) -> None:
    """Remove what killed processes left: half-built folders that nobody builds, and trash."""
    if not places.root.is_dir():
        return
    for path in list(places.root.iterdir()):
        if path.name.startswith(TRASH):
            tree.remove(path)
        elif path.name.startswith(".") and path.name.count(".") == 2:
            _remove_abandoned(places, path.name.split(".")[1], path.name)


def _allowed_bytes(places: Places, cached_bytes: int, max_bytes: int | None) -> int:
    if max_bytes is not None:
        return max_bytes
    free_bytes = shutil.disk_usage(places.cache).free
    return default_bytes(free_bytes=free_bytes, cached_bytes=cached_bytes)


def _cached(places: Places) -> Iterable[Cached]:
    for path in places.root.iterdir():
        if not path.name.startswith(".") and places.is_built(path.name):
            yield Cached(
                key=path.name,
                size_bytes=read_marker(path).size_bytes,
                last_used_ns=places.last_used_ns(path.name),
            )


def _remove_unused(places: Places, key: str) -> bool:
    fd = try_lock(places.use_lock(key), exclusive=True)
    if fd is None:
        return False
    try:
        trash = places.trash(key)
        places.environment(key).rename(trash)
        tree.remove(places.overlays(key))
    finally:
        os.close(fd)
    log.info("removed environment %s to free disk", key)
    tree.remove(trash)
    return True


def _remove_abandoned(places: Places, key: str, name: str) -> None:
    fd = try_lock(places.build_lock(key), exclusive=True)
    if fd is None:
        return
    try:
        tree.remove(places.root / name)
    finally:
        os.close(fd)
