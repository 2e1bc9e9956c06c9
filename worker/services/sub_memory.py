"""How much memory light tasks take that have processes of their own: looked at once a beat."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn

import anyio
import anyio.to_thread
import psutil

from ...broker.keys import TaskId
from ..held import HeldTasks

MOST: Final = 100
_MIB: Final = 1024**2


class SubMemory:
    """One per worker. The latest look counts; a look never holds up the event loop."""

    def __init__(self, tasks: HeldTasks, *, every_s: float) -> None:
        self._tasks = tasks
        self._every_s = every_s
        self.latest: dict[TaskId, int] = {}
        """MiB, by task."""

    async def run(self) -> NoReturn:
        """Look forever."""
        while True:
            await self.look()
            await anyio.sleep(self._every_s)

    async def look(self) -> None:
        """Look once."""
        pids = dict(self._pids())
        self.latest = await anyio.to_thread.run_sync(used_mib, pids) if pids else {}

    def _pids(self) -> Iterator[tuple[TaskId, int]]:
        left = MOST
        for held in self._tasks:
            if held.need.light and held.pid and left > 0:
                left -= 1
                yield held.claim.task_id, held.pid


def used_mib(pids: Mapping[TaskId, int]) -> dict[TaskId, int]:
    """Return the resident memory of trees of processes, in MiB; shared pages count in each."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process.pid)
    return {
        task_id: sum(map(_rss_bytes, _tree(pid, children))) // _MIB for task_id, pid in pids.items()
    }


def _tree(top: int, children: Mapping[int, Sequence[int]]) -> list[int]:
    found = [top]
    for pid in found:  # grows while it is walked
        found += children.get(pid, ())
    return found


def _rss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
