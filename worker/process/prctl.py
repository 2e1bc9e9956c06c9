"""What the shim asks of the Linux kernel about processes. Does nothing on other systems."""

import ctypes
import os
import signal
import sys

_ON_LINUX = sys.platform == "linux"
_SET_PDEATHSIG = 1
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36

# Loaded at import: a launcher that runs for months must not need the file later.
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def set_name(name: str) -> None:
    """Set what `ps` shows as the name of this process; at most 15 bytes."""
    _prctl(_SET_NAME, ctypes.c_char_p(name.encode("ascii")[:15]))


def _prctl(option: int, value: object) -> None:
    argument = ctypes.c_ulong(value) if isinstance(value, int) else value
    zero = ctypes.c_ulong(0)
    if _ON_LINUX and _libc.prctl(option, argument, zero, zero, zero) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")
