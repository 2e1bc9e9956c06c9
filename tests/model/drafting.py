"""The model of drafts: put on a queue, taken back, made anew of tasks that ended."""

from dataclasses import dataclass

from .adding import PAST_MS, append, link, make_room
from .moves import delay, leave_waiting, make_ready, tell_children
from .state import State

_WAITS = ("queued", "delayed", "waiting", "blocked")
Answer = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where and when a draft is to wait."""

    queue: str = ""
    priority: int | None = None
    delay_ms: int = 0
    at_ms: int = 0
    drops: bool = False
    replaces: bool = False


def dequeue(state: State, task_id: str) -> Answer:
    """Make a draft of a task that waits."""
    task = state.tasks.get(task_id)
    if task is None:
        return "missing", ""
    if task.state not in _WAITS:
        return "unchanged" if task.state == "draft" else "state", task.state
    leave_waiting(state, task)
    state.drop(task)
    task.state = "draft"
    task.nonce = ""
    task.due_ms = 0
    state.tell("dequeued", task.id)
    return "dequeued", ""


def reset(state: State, task_id: str) -> Answer:
    """Make a draft of a task that ended, as if it had never run; its fence stays."""
    task = state.tasks.get(task_id)
    if task is None:
        return "missing", ""
    if not task.is_final:
        return "unchanged" if task.state == "draft" else "state", task.state
    task.state = "draft"
    task.purge_at = task.died = task.archive_at = None
    task.nonce = task.finished = task.cancel = task.reason = task.worker = ""
    task.attempt, task.lost, task.due_ms = 1, 0, 0
    task.finished_ms = task.archived_ms = 0
    state.tell("reset", task.id)
    return "reset", ""


def enqueue_draft(state: State, now: int, task_id: str, placing: Placing) -> Answer:
    """Put a draft behind all others of its priority, or say why not."""
    task = state.tasks.get(task_id)
    if task is None:
        return "missing", ""
    if task.state != "draft":
        return "state" if task.is_final else "unchanged", task.state
    if placing.at_ms and placing.at_ms < now - PAST_MS:
        return "past", ""
    parents = () if placing.drops else task.parents
    for _, parent in parents:
        if parent not in state.tasks:
            return "unknown-parent", parent
    if task.unique:
        keeper = make_room(state, task.unique, task.id, now, replace=placing.replaces)
        if keeper:
            return "unique", keeper.partition(":")[2]
    task.parents = parents
    task.queue = placing.queue or task.queue
    if placing.priority is not None:
        task.priority = placing.priority
    state.queue(task.queue).shapes.add(task.shape)
    append(state, task)
    state.tell("enqueued", task.id)
    due = placing.at_ms or now + placing.delay_ms
    if parents:
        task.due_ms = due if due > now else 0
        link(state, task, now)
    elif due > now:
        delay(task, due)
    else:
        make_ready(task, now)
    became = task.state
    tell_children(state, now)
    return "enqueued", became
