"""The model of what is done to whole queues."""

from .moves import finalize, leave_waiting, tell_children
from .state import Queue, State

_WAITS = ("queued", "delayed", "waiting", "blocked")
UNKNOWN = -1


def pause(state: State, name: str) -> int:
    return _change(state, name, "paused", True, "queue_paused")


def resume(state: State, name: str) -> int:
    return _change(state, name, "paused", False, "queue_resumed")


def limit(state: State, name: str, most: int | None) -> int:
    return _change(state, name, "max_running", most, "queue_limited")


def weigh(state: State, name: str, weight: float) -> int:
    return _change(state, name, "weight", weight, "queue_weighed")


def _change(state: State, name: str, field: str, value: object, event: str) -> int:
    """Return whether that is new; UNKNOWN where there is no such queue."""
    queue: Queue | None = state.queues.get(name)
    if queue is None:
        return UNKNOWN
    is_new = getattr(queue, field) != value
    setattr(queue, field, value)
    if is_new:
        state.tell(event)
    return int(is_new)


def purge(state: State, now: int, name: str) -> int:
    """Cancel what was added before now and waits; return how many."""
    if name not in state.queues:
        return UNKNOWN
    cancelled = 0
    for task in sorted(state.tasks.values(), key=lambda t: t.id):
        if task.queue == name and task.state in _WAITS and task.created_ms <= now:
            leave_waiting(state, task)
            finalize(state, task, "cancelled", "queue purged", now)
            cancelled += 1
    if cancelled:
        state.tell("queue_purged")
    tell_children(state, now)
    return cancelled


def delete(state: State, name: str) -> int:
    """Forget a queue: 1 done, 0 it has live tasks; nobody's facts name it in this model."""
    if name not in state.queues:
        return UNKNOWN
    if any(task.queue == name and not task.is_final for task in state.tasks.values()):
        return 0
    del state.queues[name]
    state.tell("queue_deleted")
    return 1
