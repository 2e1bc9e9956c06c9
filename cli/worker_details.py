"""Everything about one worker: gathered for `worker show`."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ..broker.errors import SelectorError
from ..broker.lookups import Lookups
from ..broker.presence import WorkerView
from ..broker.record import Record
from ..broker.sub_workers import SHOWN, SubWorker, sub_workers
from .reading import NOTHING_YET, look
from .render.footer import footer
from .render.groups import fitted
from .render.screen import Screen
from .render.worker_text import lines_of, next_steps
from .worker_picking import named

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from .config import Settings


class Ended(msgspec.Struct, frozen=True):
    """A task that ended on a worker."""

    id: str
    outcome: str
    at_ms: int


class WorkerDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, what it runs, and what ended there last."""

    worker: WorkerView
    tasks: Sequence[Record]
    """The longest running first; of a worker in services mode none."""
    subs: Sequence[SubWorker]
    """What a worker in services mode runs, the newest first."""
    recent: Sequence[Ended]
    """The newest first."""
    ended: int | None
    """How many ended in this session."""


def show_worker(settings: "Settings", screen: Screen, name: str, *, with_all: bool) -> None:
    """Print one worker.

    Args:
        settings: of the command.
        screen: to print on.
        name: of the worker.
        with_all: all its sub-workers; else the newest.

    Raises:
        SelectorError: there is none of this name, or it is gone.
    """
    most = None if with_all else SHOWN

    async def find(namespace: "Namespace") -> WorkerDetails | None:
        return await _gather(namespace, name, most)

    if (details := look(settings, find, None)) is None:
        raise SelectorError(f"no live worker is named {name}: {NOTHING_YET}")
    now_s = time.time()
    if screen.json:
        screen.print_json(_json(details, now_s))
        return
    for line in fitted(lines_of(details, now_s)):
        screen.put(line)
    footer(screen, next_steps(details))


async def _gather(namespace: "Namespace", name: str, most: int | None) -> WorkerDetails:
    [worker] = await named(namespace, [name])
    ordinary = [] if worker.services else list(worker.running)
    records = await Lookups(namespace).records(ordinary)
    ended = worker.facts.get("ended", "")
    return WorkerDetails(
        worker=worker,
        tasks=sorted(records, key=lambda record: (record.started_at or 0, record.id)),
        subs=await sub_workers(namespace, [worker], most=most),
        recent=_recent(worker.facts.get("recent", "[]")),
        ended=int(ended) if ended.isdecimal() and len(ended) < 16 else None,
    )


def _recent(told: str) -> Sequence[Ended]:
    try:
        return msgspec.json.decode(told, type=tuple[Ended, ...])
    except msgspec.DecodeError:
        return ()


def _json(details: WorkerDetails, now_s: float) -> dict[str, object]:
    tasks = [
        {
            "id": record.id,
            "name": record.name,
            "queue": record.queue,
            "phase": record.phase,
            "started_at": record.started_at,
            "run_s": None if record.started_at is None else max(0.0, now_s - record.started_at),
        }
        for record in details.tasks
    ]
    return {
        "schema": 1,
        **msgspec.to_builtins(details.worker),
        "tasks": tasks,
        "sub_workers": msgspec.to_builtins(details.subs),
        "recent": msgspec.to_builtins(details.recent),
        "ended": details.ended,
    }
