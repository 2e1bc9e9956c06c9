"""Looks at all processes of a soak again and again."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
from redis import Redis

from .series import Point

_MIB: Final = 1024**2


class Soak:
    """What is watched, and what was seen of it."""

    def __init__(
        self, processes: Mapping[str, int], redis: Redis, prefix: str, runs: Mapping[str, Path]
    ) -> None:
        """Args.

        processes: pids by name.
        redis: a connection of its own.
        prefix: of the namespace.
        runs: folders of run folders, by the name of the worker.
        """
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._redis = redis
        self._prefix = prefix
        self._runs = runs
        self.series: dict[str, list[Point]] = {}

    def look(self) -> None:
        """Look once."""
        for name, process in self._processes.items():
            children = process.children(recursive=True)
            self._note(f"{name} rss_mib", process.memory_info().rss / _MIB)
            self._note(f"{name} fds", process.num_fds())
            self._note(f"{name} threads", process.num_threads())
            self._note(f"{name} zombies", sum(map(is_zombie, children)))
            for launcher in children[:1] if name in self._runs else ():
                with suppress(psutil.Error):
                    self._note(f"{name}-launcher rss_mib", launcher.memory_info().rss / _MIB)
                    self._note(f"{name}-launcher fds", launcher.num_fds())
        folders = [folder for folder in self._runs.values() if folder.is_dir()]
        self._note("workers runs", sum(len(list(folder.iterdir())) for folder in folders))
        self._look_at_redis()

    def _look_at_redis(self) -> None:
        memory, clients = self._redis.info("memory"), self._redis.info("clients")
        keys = [key.decode() for key in self._redis.scan_iter(f"{self._prefix}*", count=1_000)]
        # One for each minute in which a queue had anything to do; they go after eight days.
        lasting = [key for key in keys if not key.startswith(f"{self._prefix}qstat:")]
        self._note("redis used_mib", memory["used_memory"] / _MIB)
        self._note("redis keys", len(lasting))
        self._note("redis clients", clients["connected_clients"])

    def _note(self, name: str, value: float) -> None:
        self.series.setdefault(name, []).append((time.monotonic(), value))


def is_zombie(process: psutil.Process) -> bool:
    """Return whether nobody has collected the end of a process that has ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def lingering(points: Sequence[Point], *, looks: int = 3, for_s: float = 3.0) -> bool:
    """Return whether something was there at each of several looks: an end is collected at once."""
    since: list[float] = []
    for at_s, value in points:
        since = [*since, at_s] if value else []
        if len(since) >= looks and at_s - since[0] >= for_s:
            return True
    return False
