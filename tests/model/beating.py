"""The model of beat: what a worker keeps, gets back, and is told."""

from dataclasses import dataclass, field

from .claiming import has_room
from .ending import Token, is_adoptable, is_current, is_newest, take_back
from .moves import finalize, leave_running, make_ready, tell_children
from .state import State, Task

_TICKER_MS = 10_000


@dataclass
class Told:
    """What a beat tells."""

    lost: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    cancels: dict[str, int | None] = field(default_factory=dict)
    given_back: set[str] = field(default_factory=set)
    is_ticker: bool = False
    command: str = ""
    is_paused: bool = False


def beat(state: State, now: int, worker: str, held: list[Token], ttl_ms: int) -> Told:
    """A whole beat of a worker that lists what it holds."""
    record = state.worker(worker)
    told = Told(command=record.command, is_paused=worker in state.paused)
    state.alive_until[worker] = now + ttl_ms
    renewed = 0
    for token in held:
        task = state.tasks.get(token.task_id)
        if task is None:
            told.missing.append(token.task_id)
            continue
        if not _keep(state, now, worker, task, token):
            told.lost.append(token.task_id)
            continue
        task.leased_until = now + (task.lease_ms or ttl_ms)
        renewed += 1
        if task.cancel:
            told.cancels[task.id] = None if task.cancel == "default" else int(task.cancel)
    ended, before = record.beat_ended, record.beat_ended_before
    is_in_order = 0 < before <= ended <= now
    if is_in_order and len(state.held(worker)) > renewed:
        told.given_back = _give_back(state, now, worker, before, ttl_ms)
    record.beat_ended, record.beat_ended_before = now, ended
    told.is_ticker = _elect(state, now, worker, ttl_ms)
    tell_children(state, now)
    return told


def _keep(state: State, now: int, worker: str, task: Task, token: Token) -> bool:
    """Whether the claim holds the task, maybe once more."""
    if is_current(task, token):
        return True
    if not is_adoptable(state, now, task, token):
        return False
    if not has_room(state, task) and not is_newest(state, now, task, token):
        return False
    take_back(state, task, token)
    task.worker, task.claimed_ms = worker, now
    state.tell("readopted", task.id)
    return True


def _give_back(state: State, now: int, worker: str, before: int, ttl_ms: int) -> set[str]:
    """Return what neither of the last two beats listed into its own place, uncharged."""
    given_back = set()
    for task in state.held(worker):
        assert task.leased_until is not None
        if task.leased_until - (task.lease_ms or ttl_ms) >= before:
            continue
        leave_running(state, task)
        task.finished = f"{task.fence}:{task.nonce}:given_back"
        given_back.add(task.id)
        if task.cancel:
            finalize(state, task, "cancelled", "", now)
        else:
            state.tell("given_back", task.id)
            make_ready(task, now)
    return given_back


def _elect(state: State, now: int, worker: str, ttl_ms: int) -> bool:
    """Whether this worker ticks for the next ten seconds, or less where its lease is short."""
    known, length_ms = state.globals, min(_TICKER_MS, ttl_ms // 6)
    if known.ticker != worker and now < known.ticker_until <= now + length_ms:
        return False
    known.ticker, known.ticker_until = worker, now + length_ms
    return True
