"""A program that the shim has started, with all that it started in turn."""

import os
import signal

from . import cgroup, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cgroup import Group


class Started:
    """The child of this process that is the program, its descendants, and what left the tree.

    Args:
        pid: of the program.
        group: that holds it, if there is one.
    """

    def __init__(self, pid: int, group: "Group | None") -> None:
        self.pid = pid
        self._group = group
        self._is_killed = False

    def members(self) -> list[int]:
        """Return the pids of all of it."""
        if self._group is not None:
            return cgroup.members(self._group.path)
        return tree.descendants(os.getpid())

    def ask_to_end(self) -> None:
        """Send SIGTERM to the program and its process group."""
        # A stopped process would sleep through its grace.
        tree.signal_group(self.pid, signal.SIGTERM, signal.SIGCONT)

    def kill_program(self) -> None:
        """Send SIGKILL to the program and its process group. Only before its end is collected."""
        tree.kill_group(self.pid)

    def kill(self) -> set[int]:
        """Send SIGKILL to all of it; return the pids that are known.

        The first time to its group alone: seldom is there more, and to look for it takes long.
        """
        if self._group is None:
            return tree.kill_below(os.getpid())
        found = set(cgroup.members(self._group.path))
        cgroup.kill(self._group.path)
        if not self._is_killed:
            self._is_killed = True
            return found
        return found | tree.kill_below(os.getpid())

    def kill_orphans(self) -> set[int]:
        """Send SIGKILL to all that is a child of this process by now; quick."""
        found = set(tree.own_children())
        tree.kill(found)
        return found

    def is_populated(self) -> bool:
        """Return whether anything of it lives that is no descendant of this process."""
        return self._group is not None and cgroup.is_populated(self._group.path)

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel holds it to its memory limit."""
        return self._group is not None and self._group.limits_memory

    def ran_into_its_limit(self) -> bool:
        """Return whether the kernel killed it for want of memory within its limit."""
        return self._group is not None and self._group.ran_into_its_limit()

    def close(self) -> None:
        """Forget it; the folder of its group is removed if nothing lives there."""
        if self._group is not None:
            self._group.close()
