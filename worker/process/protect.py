"""Shows folders read-only to all tasks of a launcher, by mounts that only its process tree sees.

It guards a shared environment against accidents (`pip install` inside a task). Root can undo it.
To make a mount namespace takes up to 4 ms, and to end it as much again, so tasks share one for as
long as nobody mounts anything, here or on the machine. Then the next task gets a fresh one.
"""

import ctypes
import os
import select
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
_NAMESPACE = "/proc/self/ns/mnt"

_libc = ctypes.CDLL(None, use_errno=True)


def can_protect() -> bool:
    """Return whether this process may make mounts of its own."""
    return sys.platform == "linux" and os.geteuid() == 0


class Protection:
    """The mounts of this process: those of the machine, and its own on top, for what it forks."""

    def __init__(self) -> None:
        """Nothing is changed yet."""
        self._machine: _Machine | None = None
        self._own: _Watch | None = None

    def make_read_only(self, paths: Sequence[str]) -> list[str]:
        """Mount every path over itself, read-only, unless it is so already.

        Returns:
            One line per path that could not be protected. The others are protected.
        """
        try:
            own = self._own_mounts()
        except OSError as e:
            return [f"no mounts of its own, so nothing is read-only: {e}"]
        # Looked up each time: a folder that was removed and made again has lost its mount.
        writable = [path for path in paths if not _is_read_only(path)]
        problems = [problem for path in writable if (problem := _protect(path))]
        if writable:
            own.changed()  # by us
        return problems

    def _own_mounts(self) -> "_Watch":
        """Take the mounts of the machine as they are now, without what tasks mounted."""
        if self._machine is None:
            self._machine = _Machine()
        has_changed = self._machine.watch.changed()
        if self._own is not None:
            if not has_changed and not self._own.changed():
                return self._own
            self._own.close()
            self._own = None
        self._machine.enter()
        _check(_libc.unshare(_NEWNS), "unshare")
        # Mounts that the machine makes later still arrive here; ours never get out.
        _mount(None, "/", _REC | _SLAVE)
        self._own = _Watch()
        return self._own


class _Watch:
    """The mounts of the namespace that it is made in."""

    def __init__(self) -> None:
        self._fd = _open("/proc/self/mountinfo")
        self._changes = select.poll()
        self._changes.register(self._fd, select.POLLPRI)

    def changed(self) -> bool:
        """Return whether any mount came or went since the last call."""
        return bool(self._changes.poll(0))

    def close(self) -> None:
        os.close(self._fd)


class _Machine:
    """The namespace that this process was started in."""

    def __init__(self) -> None:
        self.watch = _Watch()
        self._namespace = _open(_NAMESPACE)
        self._root = _open("/")

    def enter(self) -> None:
        """Go back into it, if we are not there."""
        if os.path.samestat(os.fstat(self._namespace), os.stat(_NAMESPACE)):
            return
        here = os.getcwd()
        _check(_libc.setns(self._namespace, _NEWNS), "setns")
        os.fchdir(self._root)
        os.chroot(".")  # setns leads to the root of the namespace, out of a chroot
        os.chdir(here)


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _protect(path: str) -> str:
    try:
        _mount(path, path, _BIND | _REC)
        kept = os.statvfs(path).f_flag & _KEPT
        _mount(None, path, _REMOUNT | _BIND | _RDONLY | kept)
    except OSError as e:
        return f"{path} stays writable: {e}"
    return ""


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _mount(source: str | None, target: str, flags: int) -> None:
    raw = os.fsencode(source) if source is not None else None
    result = _libc.mount(raw, os.fsencode(target), None, ctypes.c_ulong(flags), None)
    _check(result, f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
