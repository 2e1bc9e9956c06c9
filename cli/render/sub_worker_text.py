"""Sub-workers and the hosts that they run in, as words. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .times import length, size

if TYPE_CHECKING:
    from ...broker.sub_workers import SubWorker
    from ...broker.worker_hosts import Host

STYLES: Final[Mapping[str, str]] = {
    "running": "cyan",
    "stopping": "yellow",
    "hanging": "red",
    "gone": "dim",
}
"""Of states."""
_MIB: Final = 1024**2


def memory(each: "SubWorker") -> str:
    """Return its memory, and whether others share it."""
    if each.mem_mib is None:
        return ""
    return size(each.mem_mib * _MIB) + (" shared" if each.is_mem_shared else "")


def line(each: "SubWorker") -> tuple[str, str]:
    """Return a task's id, and what is told of it in a line."""
    for_s = "" if each.run_s is None else length(each.run_s)
    state = "" if each.state == "running" else f" ({each.state})"
    more = [
        f"from {each.queue}",
        "" if each.is_mem_shared else memory(each),  # that of its host is told there
        "" if each.lease_s is None else f"lease {length(each.lease_s)}",
    ]
    return each.id, f"{for_s:>8}  {each.name}{state}, {', '.join(part for part in more if part)}"


def host_words(host: "Host") -> str:
    """Return the host of one task: `2, coroutines, pid 71, 80.1 MB shared by 12 tasks`."""
    what = "coroutines" if host.kind == "coroutine" else "forks a process for each task"
    shared = f" shared by {host.tasks} tasks" if host.is_shared else ""
    memory = f"{size(host.rss_mib * _MIB)}{shared}" if host.rss_mib else ""
    return ", ".join(part for part in (str(host.number), what, f"pid {host.pid}", memory) if part)


def host_line(host: "Host", now_s: float) -> tuple[str, str]:
    """Return a host's number, and what is told of it in a line."""
    what = "coroutines" if host.kind == "coroutine" else "forks a process for each task"
    parts = [
        what,
        f"pid {host.pid}",
        f"{host.tasks} task{'' if host.tasks == 1 else 's'}",
        size(host.rss_mib * _MIB),
        f"lag {host.lag_ms:.0f} ms" if host.kind == "coroutine" else "",
        "" if host.started_at is None else f"started {length(now_s - host.started_at)} ago",
    ]
    return f"host {host.number}", ", ".join(part for part in parts if part)
