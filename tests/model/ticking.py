"""The model of tick, hello, of what workers are told, and of leaving."""

from .claiming import is_ahead
from .moves import (
    charge_loss,
    finalize,
    leave_running,
    leave_waiting,
    make_ready,
    tell_children,
    unpark,
)
from .state import State, Task

_LONGEST_LEASE_MS = 1_200_000
"""A lease without a length of its own that lasts longer is from before the clock was set back."""


def tick(state: State, now: int, *, lease_ms: int) -> tuple[int, int, int, int]:
    """All that is due; returns how many were reaped, promoted, expired and forgotten."""
    reaped = forgotten = 0
    if not _is_reaping_held(state, now, lease_ms):
        gone = [w for w, until in state.alive_until.items() if until <= now - 10 * lease_ms]
        due = [(t.leased_until, t) for t in state.tasks.values() if t.leased_until is not None]
        for _, task in sorted(((at, t) for at, t in due if at <= now), key=_soonest):
            _reap(state, task, now)
            reaped += 1
        forgotten = sum(_forget(state, worker) for worker in gone)
    promoted = _promote(state, now)
    expired = _expire(state, now)
    _sweep(state, now, lease_ms)
    tell_children(state, now)
    return reaped, promoted, expired, forgotten


def _soonest(due: tuple[int, Task]) -> tuple[int, str]:
    return due[0], due[1].id


def _is_reaping_held(state: State, now: int, lease_ms: int) -> bool:
    """After a long gap nobody could renew: nobody is dead yet."""
    known = state.globals
    ticked_at = now if known.ticked_at is None else known.ticked_at
    if now - ticked_at > lease_ms / 2:
        known.hold_reaping_until = now + lease_ms
    known.ticked_at = now
    return is_ahead(now, known.hold_reaping_until)


def _reap(state: State, task: Task, now: int) -> None:
    """Take a task from a worker that did not renew its lease."""
    leave_running(state, task)
    charge_loss(state, task, now)


def _promote(state: State, now: int) -> int:
    due = [t for t in state.tasks.values() if t.delayed_until is not None]
    due = [t for t in due if t.delayed_until is not None and t.delayed_until <= now]
    for task in due:
        task.delayed_until = None
        state.tell("promoted", task.id)
        make_ready(task, now)
    return len(due)


def _expire(state: State, now: int) -> int:
    due = [t for t in state.tasks.values() if t.expires is not None and t.expires <= now]
    for task in sorted(due, key=lambda t: (t.expires or 0, t.id)):
        leave_waiting(state, task)
        finalize(state, task, "expired", "waited too long", now)
    return len(due)


def _sweep(state: State, now: int, lease_ms: int) -> None:
    """Once in a lease, from the second time on, mend what no call can.

    That is whoever a hand in redis-cli made forget, and leases from before the clock was set back.
    """
    last = state.globals.swept_at
    if last <= now and now - last < lease_ms:
        return
    state.globals.swept_at = now
    if not last:
        return
    for task in state.tasks.values():
        length = task.lease_ms or lease_ms
        if (task.leased_until or 0) > now + max(length, _LONGEST_LEASE_MS):
            task.leased_until = now + length
    for key in {t.key for t in state.tasks.values() if t.state == "blocked"}:
        unpark(state, key)


def _forget(state: State, worker: str) -> bool:
    """Forget a worker that is gone, unless tasks are still leased to it."""
    if state.held(worker):
        return False
    leave(state, worker)
    return True


def leave(state: State, worker: str) -> None:
    state.alive_until.pop(worker, None)
    state.workers.pop(worker, None)


def close(state: State, worker: str, command: str) -> bool:
    """Tell a worker to drain, to stop or to restart: it claims no more."""
    if worker not in state.alive_until:
        return False
    state.worker(worker).command = command
    rest(state, worker)
    return True


def pause(state: State, worker: str) -> bool | None:
    if worker not in state.alive_until:
        return None
    if worker in state.paused:
        return False
    state.paused.add(worker)
    rest(state, worker)
    return True


def resume(state: State, worker: str) -> bool | None:
    if worker not in state.alive_until:
        return None
    is_changed = worker in state.paused
    state.paused.discard(worker)
    return is_changed


def rest(state: State, worker: str) -> None:
    """It is not woken: not in place of one that would claim."""
    if worker in state.workers:
        state.workers[worker].is_parked = False


def undrain(state: State, worker: str) -> bool:
    if worker not in state.alive_until or not state.worker(worker).command:
        return False
    state.worker(worker).command = ""
    return True


def hello(state: State, now: int, run_id: str, *, lease_ms: int, beat_ms: int) -> int:
    """A connection to a server with this run id; returns until when claims are held."""
    known = state.globals
    if known.run_id != run_id:
        is_first, known.run_id = not known.run_id, run_id
        if not is_first:
            known.hold_reaping_until = now + lease_ms
            if state.alive_until or any(t.state == "running" for t in state.tasks.values()):
                known.hold_claims_until = now + 2 * beat_ms
    return known.hold_claims_until
