"""One live worker per name, also where several homes or machines share a Redis.

Two of one name would each give back what the other one holds, and so run everything twice. Within
a home the lock of the journal keeps them apart; this is for the rest.
"""

import logging
import platform
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
import psutil

from ..broker.errors import RqAgentError
from ..broker.home import Home, machine_id
from ..broker.presence import Workers, WorkerView

log = logging.getLogger(__name__)

PLACE: Final = "place"
"""Name of the fact, and of the file, that tells the folders of workers apart."""
_LOOK_S: Final = 0.5


def folder_of(home: Home, name: str) -> Path:
    """Return the folder that a worker of this name has on this machine."""
    return home.state / machine_id() / "workers" / name


def place_of(folder: Path) -> str:
    """Return the random id of a worker's folder; made at the first use of the folder."""
    path = folder / PLACE
    with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        file.write(secrets.token_hex(8))
    return path.read_text("ascii")


async def be_the_only(name: str, place: str, workers: Workers) -> None:
    """Return when no worker elsewhere has this name.

    One that crashed elsewhere is listed until its time runs out: that is waited for.

    Raises:
        RqAgentError: such a worker lives: it has just beaten.
    """
    first = await _elsewhere(name, place, workers)
    seen = first
    while seen is not None:
        if first is None or seen.expires_at > first.expires_at:
            raise RqAgentError(
                f"worker {name} runs already on {seen.host or 'another machine'} "
                f"(pid {seen.pid}); give this one another --name"
            )
        if seen is first:
            log.warning("worker %s was last seen on %s; waiting for it to go", name, seen.host)
        await anyio.sleep(_LOOK_S)
        seen = await _elsewhere(name, place, workers)


async def _elsewhere(name: str, place: str, workers: Workers) -> WorkerView | None:
    for worker in await workers.live():
        if worker.name == name and worker.facts.get(PLACE) != place:
            return None if _has_crashed_here(worker) else worker
    return None


def _has_crashed_here(worker: WorkerView) -> bool:
    is_here = worker.host == platform.node() and worker.pid is not None
    return is_here and not psutil.pid_exists(worker.pid or 0)
