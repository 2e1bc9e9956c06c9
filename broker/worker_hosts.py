"""The processes in which a worker runs light tasks: written with each beat, read by pages. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

HOSTS_FACT: Final = "hosts"
"""Name of the fact that holds them, as a JSON list."""
MEMORY_FACT: Final = "sub_mem"
"""Name of the fact with the memory of light tasks that are processes: JSON map, id -> MiB."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One process that runs light tasks, or forks one for each."""

    number: int
    """Of this worker, from 1; a new process has a new one."""
    kind: str
    """coroutine or process."""
    pid: int
    tasks: int
    """That run in it now."""
    rss_mib: float = 0.0
    """Its memory, all its tasks together."""
    lag_ms: float = 0.0
    """How late its loop was, the last time that it was looked at."""
    started_at: float | None = None
    """Unix seconds on the clock of its machine."""
    newest: tuple[str, ...] = ()
    """The tasks in it that came last, the newest first; not all where they are many."""

    @property
    def is_shared(self) -> bool:
        """Whether its memory is that of several tasks."""
        return self.tasks > 1


def host_of(task_id: str, hosts: Iterable[Host]) -> Host | None:
    """Return the host that a task is in; None: in none, or it came too long ago to be told."""
    return next((host for host in hosts if task_id in host.newest), None)


def hosts_of(facts: Mapping[str, str]) -> tuple[Host, ...]:
    """Return the hosts that a worker told, whatever its facts hold."""
    try:
        return msgspec.json.decode(facts.get(HOSTS_FACT, "[]"), type=tuple[Host, ...])
    except msgspec.DecodeError:  # also of a wrong type
        return ()


def memory_of(facts: Mapping[str, str]) -> dict[str, float]:
    """Return the MiB that tasks take, by their ids: of those that are processes of their own."""
    try:
        return msgspec.json.decode(facts.get(MEMORY_FACT, "{}"), type=dict[str, float])
    except msgspec.DecodeError:
        return {}
