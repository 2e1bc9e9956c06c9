"""The model of recreate: a task that runs, and that Redis came back without."""

from bisect import insort

from rq_agent.broker.claims import Claim

from .adding import BAND, MIDDLE, STEP, unique_holder
from .state import Queue, State, Task

MADE, EXISTS = 1, 0


def recreate(state: State, now: int, worker: str, claim: Claim, *, lease_ms: int) -> int:
    """Make the record of a claim anew where there is none; return the code."""
    if claim.task_id in state.tasks:
        return EXISTS
    own_lease_ms = 0 if claim.lease_ms == lease_ms else claim.lease_ms
    rare, queue = claim.rare, state.queue(claim.queue)
    task = Task(
        id=claim.task_id,
        queue=claim.queue,
        shape=claim.shape,
        priority=claim.priority,
        state="running",
        order=_order(queue, int(claim.order)),
        fence=claim.fence,
        nonce=claim.nonce,
        worker=worker,
        attempt=claim.attempt,
        lost=claim.lost,
        max_lost=rare.max_lost,
        lease_ms=own_lease_ms,
        queue_timeout_ms=rare.queue_timeout_ms,
        key=rare.key,
        key_limit=rare.key_limit,
        unique="" if unique_holder(state, rare.unique) else rare.unique,
        created_ms=claim.created_ms if 0 < claim.created_ms < now else now,
        claimed_ms=now,
        leased_until=now + (own_lease_ms or lease_ms),
    )
    state.tasks[task.id] = task
    state.shapes.add(task.shape)
    queue.shapes.add(task.shape)
    line = queue.line.setdefault(task.priority, [])
    insort(line, task.id, key=lambda i: (state.tasks[i].order, i))
    state.alive_until.setdefault(worker, now + lease_ms)
    state.tell("recreated", task.id)
    return MADE


def _order(queue: Queue, order: int) -> int:
    """Its own place; before whoever was given the same one since."""
    number = (order % BAND - MIDDLE) // STEP
    if number <= queue.sequence:
        return order - 1
    queue.sequence = number
    return order
