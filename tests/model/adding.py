"""The model of enqueue."""

from dataclasses import dataclass, field

from .moves import delay, finalize, leave_waiting, make_ready, set_out, skip, tell_children
from .state import State, Task

BAND, MIDDLE, STEP = 2**44, 2**43, 2**10
PAST_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A task to add, as both the model and the client are told."""

    id: str
    queue: str
    shape: str
    priority: int = 0
    delay_ms: int = 0
    at_ms: int = 0
    queue_timeout_ms: int = 0
    max_lost: int = 3
    lease_ms: int = 0
    key: str = ""
    key_limit: int = 1
    unique: str = ""
    replace: bool = False
    is_draft: bool = False
    parents: tuple[tuple[str, str], ...] = field(default=())


def enqueue(state: State, now: int, specs: list[Spec]) -> list[str]:
    """Add tasks in their order; return what became of each."""
    outcomes = []
    for spec in specs:
        outcome = _refusal(state, spec, now)
        if not outcome:
            outcome = _add(state, spec, now)
            tell_children(state, now)
        outcomes.append(outcome)
    return outcomes


def _refusal(state: State, spec: Spec, now: int) -> str:
    """Why a task can't be added; empty when it can. Who stood in its way is gone then."""
    if spec.id in state.tasks:
        return "duplicate"
    if spec.at_ms and spec.at_ms < now - PAST_MS:
        return "past"
    for _, parent in spec.parents:
        if parent not in state.tasks:
            return f"unknown-parent:{parent}"
    if spec.unique and not spec.is_draft:
        return make_room(state, spec.unique, spec.id, now, replace=spec.replace)
    return ""


def make_room(state: State, unique: str, new_id: str, now: int, *, replace: bool) -> str:
    """Cancel who holds a uniqueness key, where that is asked for; return who keeps it."""
    holder = unique_holder(state, unique)
    if holder is None:
        return ""
    if not replace or holder.state == "running":
        return f"unique:{holder.id}"
    leave_waiting(state, holder)
    finalize(state, holder, "cancelled", f"replaced by {new_id}", now)
    return ""


def unique_holder(state: State, unique: str) -> Task | None:
    """The live task, no draft, that has a uniqueness key."""
    for task in state.tasks.values():
        if task.unique == unique and not task.is_final and task.state != "draft":
            return task
    return None


def _add(state: State, spec: Spec, now: int) -> str:
    due = spec.at_ms or now + spec.delay_ms
    task = Task(
        id=spec.id,
        queue=spec.queue,
        shape=spec.shape,
        priority=spec.priority,
        max_lost=spec.max_lost,
        lease_ms=spec.lease_ms,
        queue_timeout_ms=spec.queue_timeout_ms,
        key=spec.key,
        key_limit=spec.key_limit,
        unique=spec.unique,
        parents=spec.parents,
        created_ms=now,
        due_ms=due if spec.parents and due > now else 0,
    )
    state.tasks[task.id] = task
    state.shapes.add(task.shape)
    state.tell("drafted" if spec.is_draft else "enqueued", task.id)
    if spec.is_draft:
        task.state = "draft"
        return "draft"
    state.queue(task.queue).shapes.add(task.shape)
    append(state, task)
    if task.parents:
        link(state, task, now)
    elif due > now:
        delay(task, due)
    else:
        make_ready(task, now)
    return task.state


def append(state: State, task: Task) -> None:
    """Give a task the place behind all others of its priority."""
    queue = state.queue(task.queue)
    queue.sequence += 1
    queue.line.setdefault(task.priority, []).append(task.id)
    task.order = (127 - task.priority) * BAND + MIDDLE + queue.sequence * STEP


def link(state: State, task: Task, now: int) -> None:
    """Let a task wait for its parents, some of which may be final."""
    task.state = "waiting"
    task.unmet = set(task.parents)
    for condition, parent_id in task.parents:
        parent = state.tasks[parent_id]
        if not parent.is_final or task.state != "waiting":
            continue
        task.unmet.discard((condition, parent_id))
        if condition != "any" and (condition == "ok") != (parent.state == "succeeded"):
            skip(state, task, parent, now)
        elif not task.unmet:
            set_out(state, task, now)
