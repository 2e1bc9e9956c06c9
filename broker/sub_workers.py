"""The light tasks of a worker as workers of their own: `<worker>/<task>`."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from . import keys
from .keys import TaskId
from .namespace import Namespace
from .presence import WorkerView
from .reading import Records
from .record import Record
from .replies import kept
from .states import Phase
from .worker_hosts import Host, host_of, memory_of

SHOWN: Final = 20
"""Of each worker, where nobody asks for more."""
_AT_ONCE: Final = 1_000
_BEFORE: Final = frozenset({Phase.SNAPSHOT, Phase.ENVIRONMENT, Phase.STARTING})


class SubWorker(msgspec.Struct, frozen=True, kw_only=True):
    """One task that a worker runs beside many others."""

    sub_worker: str
    """`<worker>/<task>`: what commands find it by."""
    id: TaskId
    name: str
    queue: str
    state: str
    """starting, running, finishing, stopping, hanging; gone: it has just ended."""
    phase: str | None
    started_at: float | None
    """Unix seconds on the clock of Redis."""
    run_s: float | None
    """For how long so far."""
    host: int | None
    """Number of the host that it is in; null: in none, or not known."""
    mem_mib: float | None
    """Of its processes; of a coroutine that of its whole host; null: not known."""
    is_mem_shared: bool
    """The memory is that of its host, which runs others too."""
    lease_s: float | None
    """Until others may have it, unless its worker beats before; null: it has no lease."""


async def sub_workers(
    ns: Namespace, workers: Sequence[WorkerView], *, most: int | None = SHOWN
) -> list[SubWorker]:
    """Return the sub-workers of each worker in services mode, the newest first.

    Args:
        ns: where they are.
        workers: whose.
        most: of each worker; None: all.
    """
    by_id = {
        task_id: worker
        for worker in workers
        if worker.services
        for task_id in worker.running[::-1][:most]
    }
    ids, found = list(by_id), []
    for begin in range(0, len(ids), _AT_ONCE):
        found += await _look(ns, ids[begin : begin + _AT_ONCE], by_id)
    return found


async def _look(
    ns: Namespace, ids: Sequence[TaskId], by_id: dict[TaskId, WorkerView]
) -> list[SubWorker]:
    records = await Records(ns).fetch(ids)
    pipe = ns.redis.pipeline(transaction=False)
    for record in records:
        pipe.zscore(keys.leases(ns.prefix), record.id)
    pipe.time()
    *deadlines, (now_s, now_us) = await pipe.execute(raise_on_error=False)
    now_ms = int(now_s) * 1000 + int(now_us) // 1000
    memory = {worker.name: memory_of(worker.facts) for worker in by_id.values()}
    found = []
    for record, deadline in zip(records, deadlines, strict=True):
        worker, deadline_ms = by_id[record.id], kept(deadline, None)
        told = memory[worker.name]
        found.append(seen(record, worker, told, deadline_ms=deadline_ms, now_ms=now_ms))
    return found


def seen(
    record: Record,
    worker: WorkerView,
    memory: Mapping[str, float],
    *,
    deadline_ms: float | None,
    now_ms: int,
) -> SubWorker:
    """Return a task as a sub-worker. Pure.

    Args:
        record: of the task.
        worker: who runs it.
        memory: MiB of tasks that are processes, by their ids, as the worker tells it.
        deadline_ms: when its lease ends; None: it has none.
        now_ms: on the clock of Redis.
    """
    host = host_of(record.id, worker.hosts)
    mem_mib, is_shared = _memory(record.id, host, memory)
    started = record.started_at
    return SubWorker(
        sub_worker=f"{worker.name}/{record.id}",
        id=record.id,
        name=record.name,
        queue=record.queue,
        state=_state(record),
        phase=record.phase,
        started_at=started,
        run_s=None if started is None else max(0.0, now_ms / 1000 - started),
        host=host.number if host else None,
        mem_mib=mem_mib,
        is_mem_shared=is_shared,
        lease_s=None if deadline_ms is None else max(0.0, (deadline_ms - now_ms) / 1000),
    )


def _state(record: Record) -> str:
    if record.state != "running":
        return "gone"
    if record.cancel_requested:
        return "stopping"
    if record.hanging_since is not None:
        return "hanging"
    if record.phase in _BEFORE:
        return "starting"
    return "finishing" if record.phase == Phase.FINISHING else "running"


def _memory(
    task_id: TaskId, host: Host | None, own: Mapping[str, float]
) -> tuple[float | None, bool]:
    """Return its MiB, and whether others share them."""
    if task_id in own:
        return own[task_id], False
    if host is None or host.kind != "coroutine":
        return None, False
    return host.rss_mib, host.is_shared
