"""What `top` shows, read in one go."""

from typing import TYPE_CHECKING

import msgspec

from ...broker.lookups import Lookups
from ...broker.presence import Workers, WorkerView
from ...broker.queues import QueueView
from ...broker.record import Record
from ...broker.states import TaskState
from ..listing import Listed, bounded, find

if TYPE_CHECKING:
    from ...broker.namespace import Namespace

_OTHERS = 200
"""Tasks that don't run, the newest."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace as it is now."""

    workers: list[WorkerView]
    queues: list[QueueView]
    tasks: list[Record]
    """What runs, then the newest others."""

    def gpus_in_use(self, worker: WorkerView) -> int:
        """Return how many GPUs the tasks of a worker hold."""
        return sum(task.needs.gpus for task in self.tasks if self._is_on(task, worker))

    def on_slots(self, worker: WorkerView) -> int:
        """Return how many tasks of a worker hold a slot: those without a GPU."""
        with_gpu = [t for t in self.tasks if t.needs.gpus and self._is_on(t, worker)]
        return len(worker.running) - len(with_gpu)

    @staticmethod
    def _is_on(task: Record, worker: WorkerView) -> bool:
        return task.state == TaskState.RUNNING and task.worker == worker.name


async def read(ns: "Namespace") -> View:
    """Return what there is."""
    lookups = Lookups(ns)
    return View(
        workers=await Workers(ns).live(),
        queues=await lookups.queues(),
        tasks=await find(lookups, bounded(Listed(limit=_OTHERS))),
    )
