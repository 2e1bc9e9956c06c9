"""How tasks move between states: what every verb of the model shares."""

from .state import State, Task

RETENTION_MS = 30 * 86_400_000
_LATE_OUTPUT_MS = 3_600_000
_MOST_UNPARKED = 64


def put_ready(task: Task) -> None:
    """Back into its own place, where it stood before."""
    task.state = "queued"


def make_ready(task: Task, now: int) -> None:
    """Into its place, and its longest wait begins."""
    if task.queue_timeout_ms:
        task.expires = now + task.queue_timeout_ms
    put_ready(task)


def delay(task: Task, until: int) -> None:
    task.state = "delayed"
    task.delayed_until = until


def leave_running(state: State, task: Task) -> None:
    """Out of the running set; those that its concurrency key held back may follow."""
    task.leased_until = None
    task.worker = ""
    task.state = "between"
    unpark(state, task.key)


def leave_waiting(state: State, task: Task) -> None:
    """Out of whatever it waits in. Others of its concurrency key may follow."""
    task.delayed_until = task.expires = None
    task.unmet.clear()
    task.state = "between"
    unpark(state, task.key)


def unpark(state: State, key: str) -> None:
    """Put the soonest blocked tasks of a key back into their queues, as many as may run."""
    if not key:
        return
    blocked = [t for t in state.tasks.values() if t.state == "blocked" and t.key == key]
    soonest = sorted(blocked, key=lambda t: (t.order, t.id))[:_MOST_UNPARKED]
    for runs, task in enumerate(soonest, start=state.holders(key)):
        if runs >= max(task.key_limit, 1):
            return
        state.tell("unblocked", task.id)
        put_ready(task)


def finalize(state: State, task: Task, final: str, reason: str, now: int) -> None:
    """Enter a final state; it has left every index before. Its children are told later."""
    task.state = final
    task.reason = reason
    task.purge_at = now + RETENTION_MS
    task.ends += 1
    state.tell(final, task.id)
    task.finished_ms = now
    task.archive_at = now + min(RETENTION_MS, _LATE_OUTPUT_MS)
    state.drop(task)


def charge_loss(state: State, task: Task, now: int) -> None:
    """Its claim came to nothing: back into its place, later, or never again."""
    task.lost += 1
    state.tell("lost", task.id)
    if task.cancel:
        finalize(state, task, "cancelled", "", now)
    elif task.lost > task.max_lost:
        task.died = now
        finalize(state, task, "dead", f"its lease was lost {task.lost} times", now)
    elif task.lost <= 1:
        make_ready(task, now)
    else:
        delay(task, now + 1000 * 2 ** min(task.lost, 20))


def tell_children(state: State, now: int) -> None:
    """Let every final task's children know, and theirs."""
    while told := _untold(state):
        child, condition, parent = told
        child.unmet.discard((condition, parent.id))
        is_met = condition == "any" or (condition == "ok") == (parent.state == "succeeded")
        if not is_met:
            skip(state, child, parent, now)
        elif not child.unmet:
            set_out(state, child, now)


def skip(state: State, child: Task, parent: Task, now: int) -> None:
    """It never stood in a queue, so nobody waits for its concurrency key."""
    child.unmet.clear()
    finalize(state, child, "skipped", f"parent {parent.id} is {parent.state}", now)


def _untold(state: State) -> tuple[Task, str, Task] | None:
    for child in state.tasks.values():
        if child.state == "waiting":
            for condition, parent_id in sorted(child.unmet):
                parent = state.tasks[parent_id]
                if parent.is_final:
                    return child, condition, parent
    return None


def set_out(state: State, task: Task, now: int) -> None:
    """All parents ended as they should: on to its time, or to its place."""
    state.tell("parents_met", task.id)
    if task.due_ms > now:
        delay(task, task.due_ms)
    else:
        make_ready(task, now)
