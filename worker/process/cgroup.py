"""One control group (v2) per started program: all that it starts is in it, whatever it does.

The folder of the group is made before the program starts and removed after its end. Standard
library only: the shim uses it.
"""

import os
import time
from collections.abc import Iterator

from . import tree

_LOOK_S = 0.01
_KILL_FILE = "cgroup.kill"


def _most_processes() -> int:
    try:
        with open("/proc/sys/kernel/pid_max", "rb") as file:
            return min(32_768, int(file.read()) // 2)
    except (OSError, ValueError):
        return 32_768


_MOST_PROCESSES = _most_processes()
"""Of one program, threads included: a fork bomb ends here, and training has never come close."""


class Group:
    """A control group for one program.

    Args:
        path: of its folder, made by `make`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel holds it to a memory limit."""
        return os.path.exists(os.path.join(self.path, "memory.max"))

    def limit(self, mem_limit_mib: float) -> None:
        """Hold it to a memory limit, all its processes as one, and to a number of processes."""
        _write(self.path, "pids.max", str(_MOST_PROCESSES))
        if mem_limit_mib and self.limits_memory:
            if not _write(self.path, "memory.max", str(int(mem_limit_mib * 1024**2))):
                raise OSError(f"{self.path}: its memory can't be limited")
            _write(self.path, "memory.swap.max", "0")
            _write(self.path, "memory.oom.group", "1")

    def ran_into_its_limit(self) -> bool:
        """Whether the kernel killed any of it since it used more memory than it may.

        `oom_kill` alone also counts what was killed since the machine had no memory left, and
        `memory.events` also what happened to a group below that has a limit of its own.
        """
        has_local = os.path.exists(os.path.join(self.path, "memory.events.local"))
        own = "memory.events.local" if has_local else "memory.events"  # before Linux 5.2
        is_at_limit = _number(self.path, own, b"oom") > 0
        return is_at_limit and _number(self.path, "memory.events", b"oom_kill") > 0

    def close(self) -> None:
        """Remove its folder, if nothing is left in it."""
        os.close(self.fd)
        remove(self.path)


def make(path: str) -> Group:
    """Make a group; OSError if it can't be made, or is in use."""
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:  # of an attempt that a Redis which rolled back has forgotten
        os.rmdir(path)
        os.mkdir(path, 0o755)
    return Group(path)


def kill(path: str) -> None:
    """Send SIGKILL to all that is in a group and in those below, forks under way included."""
    if _write(path, _KILL_FILE, "1"):
        return
    # Before Linux 5.14. What is frozen starts nothing more, and dies of SIGKILL all the same.
    _write(path, "cgroup.freeze", "1")
    tree.kill(members(path))
    # A fork that was under way when it froze may only now be there: the caller looks again.


def members(path: str) -> list[int]:
    """Return the pids in a group and in those below."""
    found = b"".join(_read(folder, "cgroup.procs") for folder in _folders(path))
    return [int(pid) for pid in found.split()]


def is_populated(path: str) -> bool:
    """Return whether anything lives in a group or below."""
    return _number(path, "cgroup.events", b"populated") > 0


def empty(path: str, *, patience_s: float) -> bool:
    """Kill until nothing lives in a group; return whether that came true. Blocks."""
    give_up = time.monotonic() + patience_s
    while is_populated(path):
        if time.monotonic() > give_up:
            return False
        kill(path)
        time.sleep(_LOOK_S)
    return True


def remove(path: str) -> bool:
    """Remove the folder of a group and those below; return whether it is gone."""
    if _is_removed(path):
        return True
    return all(_is_removed(folder) for folder in reversed(list(_folders(path))))


def _folders(path: str) -> Iterator[str]:
    """Yield the folder of a group and those of the groups below, parents first."""
    for folder, _, _ in os.walk(path):
        yield folder


def _is_removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:  # something lives there, or there are groups below
        return False
    return True


def _number(path: str, name: str, field: bytes) -> int:
    """Return the number of a field in a file of lines `field number`; 0 where there is none."""
    for line in _read(path, name).splitlines():
        key, _, number = line.partition(b" ")
        if key == field:
            return int(number)
    return 0


def _read(path: str, name: str) -> bytes:
    try:
        fd = os.open(os.path.join(path, name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(fd, 65_536):
            parts.append(part)
    except OSError:  # the group was removed meanwhile
        return b""
    finally:
        os.close(fd)
    return b"".join(parts)


def _write(path: str, name: str, text: str) -> bool:
    """Return whether a file of the kernel took a text; never makes a file."""
    try:
        fd = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, text.encode("ascii"))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
