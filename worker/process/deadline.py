"""Until when a program may run unless its lease is renewed: told by the worker, kept by the shim.

Times are those of boot_clock. The file is there before the program starts, and overwritten in
place: a full disk can't keep a renewal from it.
"""

import os

from . import boot_clock

NAME = "deadline"
CHECK_S = 1.0
"""How late the end of a sleep of the machine may be noticed."""
_WIDTH = 20
_SHARE = 0.8
"""Of the lease."""


def after(sent_s: float, lease_ms: int) -> float:
    """Return until when a program may run whose lease was last asked for at a time.

    Well before anybody else can have it: what is killed has time to disappear.
    """
    return sent_s + _SHARE * lease_ms / 1000


def write(folder: str, at_s: float) -> None:
    """Tell until when the program of a folder may run; OSError if that can't be written."""
    text = f"{at_s:{_WIDTH}.6f}\n" * 2
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(os.path.join(folder, NAME), flags, 0o600)
    try:
        os.pwrite(fd, text.encode("ascii"), 0)
    finally:
        os.close(fd)


def read(folder: str) -> float | None:
    """Return until when the program may run; None where nothing whole is told.

    It stands there twice: a reader may see the half of a write.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(os.path.join(folder, NAME), flags)
    except OSError:
        return None
    try:
        once, _, again = os.pread(fd, 2 * _WIDTH + 2, 0).partition(b"\n")
        return float(once) if once == again.rstrip(b"\n") else None
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)


class Deadline:
    """The deadline of the program in the present folder, as it moves.

    Args:
        at_s: the first one; 0: there is none.
    """

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s

    def left_s(self) -> float | None:
        """Return how long to wait before asking again; 0 when it is past; None without one."""
        if not self._at_s:
            return None
        left_s = self._at_s - boot_clock.now_s()
        if left_s <= 0:
            self._at_s = max(self._at_s, read(".") or 0.0)
            left_s = self._at_s - boot_clock.now_s()
        return min(CHECK_S, max(0.0, left_s))
