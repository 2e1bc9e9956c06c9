"""Shows folders read-only to one task, by mounts that only its process tree sees.

It guards a shared environment against accidents (`pip install` inside a task). Root can undo it.
"""

import ctypes
import os
import sys
from collections.abc import Sequence

_RDONLY = 0x1
_NOSUID = 0x2
_NODEV = 0x4
_NOEXEC = 0x8
_REMOUNT = 0x20
_BIND = 0x1000
_REC = 0x4000
_SLAVE = 0x80000
_NEWNS = 0x20000
_KEPT = _NOSUID | _NODEV | _NOEXEC
"""statvfs and mount use the same bits for these; a remount that drops them may be refused."""

_libc = ctypes.CDLL(None, use_errno=True)


def can_protect() -> bool:
    """Return whether this process may make mounts of its own."""
    return sys.platform == "linux" and os.geteuid() == 0


def make_read_only(paths: Sequence[str]) -> list[str]:
    """Mount every path over itself, read-only, for this process and its children.

    Returns:
        One line per path that could not be protected. The others are protected.
    """
    try:
        _check(_libc.unshare(_NEWNS), "unshare")
        # Mounts that the machine makes later still arrive here; ours never get out.
        _mount(None, "/", _REC | _SLAVE)
    except OSError as e:
        return [f"no mounts of its own, so nothing is read-only: {e}"]
    return [problem for path in paths if (problem := _protect(path))]


def _protect(path: str) -> str:
    try:
        _mount(path, path, _BIND | _REC)
        kept = os.statvfs(path).f_flag & _KEPT
        _mount(None, path, _REMOUNT | _BIND | _RDONLY | kept)
    except OSError as e:
        return f"{path} stays writable: {e}"
    return ""


def _mount(source: str | None, target: str, flags: int) -> None:
    raw = os.fsencode(source) if source is not None else None
    result = _libc.mount(raw, os.fsencode(target), None, ctypes.c_ulong(flags), None)
    _check(result, f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
