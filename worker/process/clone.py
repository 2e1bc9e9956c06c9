"""Forks a process straight into a control group.

To move a process there after its fork takes up to 15 ms: the kernel waits until no other processor
may still look at the old place. `clone3` needs no such wait, and Python offers no call of it.
"""

import ctypes
import os
import sys

from . import signals

_CLONE3 = 435
"""The same number on all processors that we know."""
_INTO_CGROUP = 0x200000000
_FIELDS = (
    "flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup"
)


class _Arguments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in _FIELDS.split()]


# Made at import, before any fork: what a forked process touches, it has to copy.
_arguments = _Arguments(flags=_INTO_CGROUP, exit_signal=signals.CHLD)
_reference = ctypes.byref(_arguments)
_size = ctypes.c_size_t(ctypes.sizeof(_arguments))
_number = ctypes.c_long(_CLONE3)
# PyDLL: the lock of the interpreter is kept, so the child has nothing to take back.
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def into(group: int) -> int:
    """Fork into the control group that a descriptor of its folder stands for; return as os.fork.

    Only for a process with one thread whose child soon executes another program: Python is not
    told of the fork.

    Raises:
        OSError: the kernel is older than Linux 5.7, a sandbox forbids it, or the group is gone.
    """
    if sys.platform != "linux":
        raise OSError("no control groups on this system")
    _arguments.cgroup = group
    pid: int = _syscall(_number, _reference, _size)
    if pid < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"clone3: {os.strerror(code)}")
    return pid
