"""The model of moves and priorities: queues as lists.

What a move promises is the order of the ready tasks. Where that leaves those that run or wait
elsewhere is up to the scores, so the model takes the scores over once that order is as promised.
"""

from collections.abc import Callable, Mapping

from .adding import BAND, append
from .state import State, Task

STANDS = ("queued", "blocked")
WAITS = (*STANDS, "delayed", "waiting", "draft")
Moved = tuple[str, int | None]
"""moved | unchanged and the position; or missing | state | usage and None."""


def move_top(state: State, task_id: str) -> Moved:
    def place(task: Task, ready: list[Task]) -> Moved:
        return _put(state, task, task.priority, None, _at(ready, 0))

    return _move(state, task_id, place)


def move_bottom(state: State, task_id: str) -> Moved:
    def place(task: Task, ready: list[Task]) -> Moved:
        return _put(state, task, task.priority, _at(ready, -1), None)

    return _move(state, task_id, place)


def move_by(state: State, task_id: str, steps: int) -> Moved:
    def place(task: Task, ready: list[Task]) -> Moved:
        ahead = [t for t in ready if _key(t) < _key(task)]
        behind = [t for t in ready if _key(t) > _key(task)]
        if steps > 0 and behind:
            n = min(steps, len(behind))
            return _put(state, task, task.priority, behind[n - 1], _at(behind, n))
        if steps < 0 and ahead:
            n = min(-steps, len(ahead))
            return _put(state, task, task.priority, _at(ahead, -n - 1), ahead[-n])
        return _stay(state, task)

    return _move(state, task_id, place)


def move_before(state: State, task_id: str, other_id: str) -> Moved:
    return _beside(state, task_id, other_id, is_before=True)


def move_after(state: State, task_id: str, other_id: str) -> Moved:
    return _beside(state, task_id, other_id, is_before=False)


def _beside(state: State, task_id: str, other_id: str, *, is_before: bool) -> Moved:
    task, other = state.tasks.get(task_id), state.tasks.get(other_id)
    if task is None or task.state not in STANDS:
        return ("missing" if task is None else "state"), None
    if other is None or other is task or (other.state, other.queue) != ("queued", task.queue):
        return "usage", None
    ready = [t for t in state.ready(task.queue) if t.priority == other.priority and t is not task]
    n = ready.index(other)
    if is_before:
        moved = _put(state, task, other.priority, ready[n - 1] if n else None, other)
    else:
        moved = _put(state, task, other.priority, other, _at(ready, n + 1))
    return moved


def _move(state: State, task_id: str, place: Callable[[Task, list[Task]], Moved]) -> Moved:
    """Place a task that stands in a queue among the other ready ones of its priority."""
    task = state.tasks.get(task_id)
    if task is None or task.state not in STANDS:
        return ("missing" if task is None else "state"), None
    ready = state.ready(task.queue)
    return place(task, [t for t in ready if t.priority == task.priority and t is not task])


def _at(tasks: list[Task], n: int) -> Task | None:
    """The n-th from the front, or from the back below 0; None beyond both ends."""
    if n >= len(tasks) or n < -len(tasks):
        return None
    return tasks[n]


def _key(task: Task) -> tuple[float, str]:
    return task.order, task.id


def _stay(state: State, task: Task) -> Moved:
    return "unchanged", position(state, task)


def _put(state: State, task: Task, priority: int, low: Task | None, high: Task | None) -> Moved:
    is_there = (
        task.state == "queued"  # a blocked one always gets a new place
        and task.priority == priority
        and (low is None or _key(low) < _key(task))
        and (high is None or _key(task) < _key(high))
    )
    if is_there:
        return _stay(state, task)
    queue = state.queues[task.queue]
    queue.drop(task)
    task.priority = priority
    line = queue.line.setdefault(priority, [])
    if high is not None:
        line.insert(line.index(high.id) if low else 0, task.id)
    else:
        line.append(task.id)
    state.tell("moved", task.id)
    return "moved", position(state, task)


def position(state: State, task: Task) -> int | None:
    """How many ready tasks stand before it, and 1; None where it does not stand."""
    if task.state not in STANDS:
        return None
    line = list(state.queues[task.queue].in_order())
    ahead = line[: line.index(task.id)]
    return 1 + sum(state.tasks[i].state == "queued" for i in ahead)


def move_to_queue(state: State, task_id: str, target: str) -> Moved:
    """Behind all others of its priority in another queue."""
    task = state.tasks.get(task_id)
    if task is None or task.state not in WAITS:
        return ("missing" if task is None else "state"), None
    if task.queue == target:
        return _stay(state, task)
    state.drop(task)
    task.queue = target
    if task.state != "draft":
        state.queue(target).shapes.add(task.shape)
        append(state, task)
    state.tell("moved", task.id)
    return "moved", position(state, task)


def set_priority(state: State, task_id: str, priority: int) -> Moved:
    """Among its new equals it stands by its age, behind one that has its place."""
    task = state.tasks.get(task_id)
    if task is None or task.state not in WAITS:
        return ("missing" if task is None else "state"), None
    if task.priority == priority:
        return _stay(state, task)
    state.drop(task)
    task.priority = priority
    if task.state != "draft":
        offset = task.order % BAND
        line = state.queues[task.queue].line.setdefault(priority, [])
        ahead = [i for i in line if state.tasks[i].order % BAND <= offset]
        line.insert(len(ahead), task.id)
    state.tell("priority", task.id)
    return "moved", position(state, task)


def learn(state: State, orders: Mapping[str, float], sequences: Mapping[str, int]) -> None:
    """Take over the scores of all tasks, once they sort the ready ones as the model does."""
    for name, sequence in sequences.items():
        assert sequence >= state.queues[name].sequence, f"{name} gives out places once more"
        state.queues[name].sequence = sequence
    promised = {name: [t.id for t in state.ready(name)] for name in state.queues}
    for task_id, order in orders.items():
        state.tasks[task_id].order = order
    for name, queue in state.queues.items():
        for line in queue.line.values():
            line.sort(key=lambda task_id: _key(state.tasks[task_id]))
        assert [t.id for t in state.ready(name)] == promised[name], f"order of {name}"
