"""Which workers are really there: a killed one is listed until its time runs out."""

import platform
from typing import TYPE_CHECKING

from ..broker.presence import Workers, WorkerView

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


async def live_workers(namespace: "Namespace") -> list[WorkerView]:
    """Return the live workers, without those of this machine whose process is gone."""
    return [worker for worker in await Workers(namespace).live() if has_process(worker)]


def has_process(worker: WorkerView) -> bool:
    """Return whether a worker's process may exist; known only of this machine's."""
    if worker.host != platform.node():
        return True
    import psutil

    return worker.pid is not None and psutil.pid_exists(worker.pid)
