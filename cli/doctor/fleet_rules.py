"""What is good or bad about workers, queues and schedules, in words. Pure."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from ..silence import work_command
from .finding import Finding, ok, warn

if TYPE_CHECKING:
    from ...broker.presence import WorkerView
    from ...broker.queues import QueueView
    from ...broker.schedule import Schedule

_OVERDUE_S: Final = 60.0
_SHOWN: Final = 5


def workers(found: "Sequence[WorkerView]", version: str) -> list[Finding]:
    """Judge who is there, and whether all are of this version."""
    if not found:
        todo = "start one: rq-agent work, or rq-agent up"
        return [warn("workers", "none is there, so no task runs", todo)]
    busy = sum(bool(worker.running) for worker in found)
    others = [w for w in found if w.version != version]
    words = f"{len(found)} there, {busy} at work: {_some([w.name for w in found])}"
    lines = [ok("workers", words)]
    if others:
        named = _some([f"{w.name} ({w.version or 'unknown'})" for w in others])
        todo = "upgrade the older side; running tasks survive it"
        lines.append(warn("versions", f"this is {version}, other are: {named}", todo))
    else:
        lines.append(ok("versions", f"all are {version}, as this"))
    return lines


def queues(found: "Sequence[QueueView]", light: Collection[str]) -> list[Finding]:
    """Judge whether somebody takes what waits; light tasks wait in the queues of `light`."""
    lonely = [q for q in found if q.waiting and not q.workers and not q.paused]
    if not lonely:
        waiting = sum(queue.waiting for queue in found)
        return [ok("queues", f"{len(found)}, with {waiting} waiting; none is without a worker")]
    return [
        warn(
            f"queue {queue.name}",
            f"{queue.waiting} waiting, and no worker takes from it",
            f"start one: {work_command(queue.name, is_light=queue.name in light)}",
        )
        for queue in lonely[:_SHOWN]
    ]


def schedules(found: "Sequence[Schedule]", now_s: float) -> Finding:
    """Judge whether schedules fire: overdue ones tell that no scheduler runs."""
    active = [s for s in found if not s.paused and s.next_at is not None]
    late = [s for s in active if s.next_at is not None and s.next_at < now_s - _OVERDUE_S]
    if late:
        return warn(
            "scheduler",
            f"overdue: {_some([s.name for s in late])}: none runs",
            "start one: rq-agent scheduler, or rq-agent up",
        )
    if active:
        return ok("scheduler", f"{len(active)} schedule{'s' * (len(active) != 1)}, none overdue")
    return ok("scheduler", "no schedule waits for one")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
