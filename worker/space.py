"""How much of a disk must be free, and how much of what tasks print is kept on it. Pure."""

from typing import Final

import msgspec

_MIB: Final = 1024**2
_TIGHT_SHARE: Final = 0.05
_TIGHT_BYTES: Final = 256 * _MIB
_FULL_SHARE: Final = 0.01
_FULL_BYTES: Final = 16 * _MIB
_ROOMY: Final = 4
"""So many times what is full: only then tasks are started again."""
_LEAST_FILES: Final = 64
_KEPT_WHEN_TIGHT: Final = 64 * _MIB
_KEPT_SHARE: Final = 8
"""On a small disk: at most one part of so many, of one task."""
_EASY: Final = 4
"""So many times what is tight: only then outputs may grow again."""


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """What a file system has left for this user."""

    free_bytes: int
    total_bytes: int
    free_files: int | None = None
    """None: it does not count them."""


def tight_below(total_bytes: int) -> int:
    """Return below how many free bytes a disk is short of room."""
    return min(_TIGHT_BYTES, int(total_bytes * _TIGHT_SHARE))


def is_full(space: Space) -> bool:
    """Return whether there is no room to start anything."""
    few = space.free_files is not None and space.free_files < _LEAST_FILES
    return few or space.free_bytes < _full_below(space)


def is_roomy(space: Space) -> bool:
    """Return whether tasks may be started again where the disk was full."""
    few = space.free_files is not None and space.free_files < _ROOMY * _LEAST_FILES
    return not few and space.free_bytes >= _ROOMY * _full_below(space)


def _full_below(space: Space) -> int:
    return min(_FULL_BYTES, int(space.total_bytes * _FULL_SHARE))


def is_tight(space: Space, *, was_tight: bool) -> bool:
    """Return whether outputs have to be shortened so that one can't take the room of all."""
    least = tight_below(space.total_bytes)
    return space.free_bytes < (_EASY * least if was_tight else least)


def kept_bytes(limit_bytes: int, space: Space, *, is_tight: bool) -> int:
    """Return how much of the output of one task is kept on the disk, the newest of it."""
    if not is_tight:
        return limit_bytes
    return min(limit_bytes, _KEPT_WHEN_TIGHT, space.total_bytes // _KEPT_SHARE)
