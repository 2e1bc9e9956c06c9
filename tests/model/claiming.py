"""The model of claim: which tasks, in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .state import Queue, State, Task

STRIDE = 720_720
HOUR_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a worker asks for."""

    worker: str
    nonce: str
    limit: int
    lease_ms: int
    strides: bool
    order: str
    queues: tuple[str, ...]
    weights: tuple[float, ...]
    shapes: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What it is told."""

    tasks: Sequence[tuple[str, int, str, str, int, int, int]]
    """id, fence, queue, shape, attempt, priority, lost"""
    due: int
    parked: bool
    held_until: int


def is_ahead(now: int, time: int) -> bool:
    """Whether to wait until a stored time: not when it is from before the clock was set back."""
    return now < time <= now + HOUR_MS


def claim(state: State, now: int, ask: Ask) -> Answer:
    """Take tasks for a worker. The same nonce asks for the same answer."""
    held_until = state.globals.hold_claims_until
    held_until = held_until if is_ahead(now, held_until) else 0
    record = state.workers.get(ask.worker)
    if record and record.claim_nonce == ask.nonce:
        again = [t for t in state.held(ask.worker) if t.nonce == ask.nonce]
        if again:
            return _answer(state, again, parked=False, held_until=held_until)
    if record:
        record.is_parked = False
    if held_until or (record and record.command) or ask.worker in state.paused:
        return _answer(state, [], parked=False, held_until=held_until)
    taken = _take(state, now, ask)
    state.alive_until.setdefault(ask.worker, now + ask.lease_ms)
    if taken:
        state.worker(ask.worker).claim_nonce = ask.nonce
    if is_dry := len(taken) < ask.limit:
        state.worker(ask.worker).is_parked = True
    return _answer(state, taken, parked=is_dry, held_until=0)


def _answer(state: State, tasks: list[Task], *, parked: bool, held_until: int) -> Answer:
    due = [t.delayed_until for t in state.tasks.values() if t.delayed_until is not None]
    told = [(t.id, t.fence, t.queue, t.shape, t.attempt, t.priority, t.lost) for t in tasks]
    return Answer(told, min(due, default=0), parked, held_until)


def _take(state: State, now: int, ask: Ask) -> list[Task]:
    taken: list[Task] = []

    def first(queue: str) -> Task | None:
        return first_claimable(state, queue, ask.shapes)

    while len(taken) < ask.limit:
        n = _next_queue(state, ask, lambda queue: first(queue) is not None)
        if n is None:
            break
        task = first(ask.queues[n])
        assert task is not None
        if not has_room(state, task):
            task.state = "blocked"
            state.tell("blocked", task.id)
            continue
        _start(task, now, ask)
        state.tell("claimed", task.id)
        taken.append(task)
        if ask.strides:
            _serve(state, ask, n)
    return taken


def _start(task: Task, now: int, ask: Ask) -> None:
    task.state = "running"
    task.worker, task.nonce = ask.worker, ask.nonce
    task.fence += 1
    task.leased_until = now + (task.lease_ms or ask.lease_ms)
    task.claimed_ms = now
    task.expires = None


def has_room(state: State, task: Task) -> bool:
    """Whether a task may run beside the others of its concurrency key."""
    return not task.key or state.holders(task.key) < max(task.key_limit, 1)


def is_open(state: State, queue: Queue, name: str) -> bool:
    """Whether one more task of a queue may run."""
    if queue.paused:
        return False
    return queue.max_running is None or state.running(name) < queue.max_running


def first_claimable(state: State, name: str, shapes: tuple[str, ...]) -> Task | None:
    """The soonest ready task of a queue that may be taken."""
    queue = state.queues.get(name)
    if queue is None or not is_open(state, queue, name):
        return None
    for task_id in queue.in_order():
        task = state.tasks[task_id]
        if task.state == "queued" and task.shape in shapes:
            return task
    return None


def _next_queue(state: State, ask: Ask, is_claimable: Callable[[str], bool]) -> int | None:
    """The number of the queue whose turn it is; None when there is nothing to take."""
    candidates = [n for n, queue in enumerate(ask.queues) if is_claimable(queue)]
    if not candidates:
        return None
    if not ask.strides:
        return candidates[0]
    passes = state.passes.get(ask.order, {})
    return min(candidates, key=lambda n: (passes.get(ask.queues[n], 0), n))


def _serve(state: State, ask: Ask, n: int) -> None:
    """Move the served queue on by one stride; one that was away starts at the virtual time."""
    passes = state.passes.setdefault(ask.order, {})
    queue = ask.queues[n]
    weight = ask.weights[n] * state.queue(queue).weight
    passes[""] = max(passes.get("", 0), passes.get(queue, 0))
    passes[queue] = passes[""] + max(int(STRIDE / weight + 0.5), 1)


def waiting_for(state: State, name: str, shapes: tuple[str, ...]) -> Task | None:
    """A ready task of a queue that may run now, whatever stands before it."""
    queue = state.queues.get(name)
    if queue is None or not is_open(state, queue, name):
        return None
    ready = (state.tasks[i] for i in queue.in_order())
    return next(
        (t for t in ready if t.state == "queued" and t.shape in shapes and has_room(state, t)), None
    )
