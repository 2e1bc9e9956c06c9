"""Which process a number means: a pid alone is used again. Standard library only on Linux.

Hosts use it too, in Python 3.9 and later.
"""

import os
import sys
from functools import lru_cache

_ON_LINUX = sys.platform == "linux"
_DEAD = ("Z", "X")


@lru_cache(1)
def boot_id() -> str:
    """Return an id of this boot of the machine: pids of another boot mean nothing."""
    if _ON_LINUX:
        return _read("/proc/sys/kernel/random/boot_id").decode().strip()
    import psutil

    return str(int(psutil.boot_time()))


def started_ticks(pid: int) -> "int | None":
    """Return when a process started (clock ticks since boot), or None if it has ended."""
    if not _ON_LINUX:
        return _started_elsewhere(pid)
    fields = stat_fields(pid)
    if fields is None or fields[0] in _DEAD:
        return None
    return int(fields[19])


def stat_fields(pid: int) -> "list[str] | None":
    """Return the fields of /proc/<pid>/stat from `state` on, or None if there is none."""
    try:
        line = _read(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in brackets and may hold any byte, brackets too.
    return line[line.rindex(b")") + 2 :].decode().split()


def is_dead(state: str) -> bool:
    """Return whether the state letter of /proc means that the process has ended."""
    return state in _DEAD


def of_this_process() -> str:
    """Return `<pid>.<started ticks>.<boot id>` of the caller, for `parse`; elsewhere `<pid>..`."""
    pid = os.getpid()
    return f"{pid}.{started_ticks(pid)}.{boot_id()}" if _ON_LINUX else f"{pid}.."


def parse(text: str) -> "tuple[int, int, str] | None":
    """Return (pid, started ticks, boot id), or None if the text names no process."""
    pid, _, rest = text.partition(".")
    if not pid.isdecimal():
        return None
    ticks, _, boot = rest.partition(".")
    return int(pid), int(ticks or started_ticks(int(pid)) or 0), boot or boot_id()


def _read(path: str) -> bytes:
    """Return a small file of the kernel. File objects cost a forked process many page faults."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def _started_elsewhere(pid: int) -> "int | None":
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * 100)
    except psutil.NoSuchProcess:
        return None
