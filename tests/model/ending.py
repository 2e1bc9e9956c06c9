"""The model of finish and cancel."""

from dataclasses import dataclass

from .claiming import is_ahead
from .moves import (
    charge_loss,
    delay,
    finalize,
    leave_running,
    leave_waiting,
    make_ready,
    tell_children,
)
from .state import State, Task

APPLIED, REPLAY, GONE, FENCED = 1, 0, -1, -2
ADOPTABLE = ("queued", "delayed", "blocked")


@dataclass(frozen=True)
class Token:
    """What proves a claim."""

    task_id: str
    fence: int
    nonce: str


def is_current(task: Task, token: Token) -> bool:
    return (task.state, task.fence, task.nonce) == ("running", token.fence, token.nonce)


def is_newest(state: State, now: int, task: Task, token: Token) -> bool:
    """Whether Redis came back older than a claim, and nobody claimed anything since."""
    return task.fence < token.fence and is_ahead(now, state.globals.hold_claims_until)


def is_adoptable(state: State, now: int, task: Task, token: Token) -> bool:
    """Whether a task is still that of this claim: nobody claimed it since."""
    if task.state == "running":
        return is_newest(state, now, task, token)
    if task.state not in ADOPTABLE:
        return False
    if task.fence < token.fence:
        return True
    ended = f"{token.fence}:{token.nonce}:"
    is_same = (task.fence, task.nonce) == (token.fence, token.nonce)
    return is_same and not task.finished.startswith(ended)


def take_back(state: State, task: Task, token: Token) -> None:
    """Take a task out of where it waits, for the claim that held it all the time."""
    if task.state == "running":
        leave_running(state, task)
    else:
        leave_waiting(state, task)
    if task.fence == token.fence:
        task.lost = max(task.lost - 1, 0)
    task.state, task.fence, task.nonce = "running", token.fence, token.nonce


def finish(
    state: State, now: int, token: Token, outcome: str, *, delay_ms: int, reason: str
) -> int:
    """End a claim; return its code."""
    task = state.tasks.get(token.task_id)
    if task is None:
        return GONE
    applied = f"{token.fence}:{token.nonce}:{outcome}"
    if task.finished == applied:
        return REPLAY
    if not is_current(task, token):
        if not is_adoptable(state, now, task, token):
            if token.fence < task.fence != task.fenced:
                task.fenced = task.fence
                state.tell("fenced", task.id)
            return FENCED
        if outcome == "lost" and task.fence == token.fence:  # charged when it was reaped
            task.finished = applied
            return APPLIED
        take_back(state, task, token)
    leave_running(state, task)
    if task.cancel and outcome in ("retry", "release"):
        outcome = "cancelled"
    task.finished = applied
    if outcome in ("retry", "release"):
        task.attempt += outcome == "retry"
        state.tell(outcome, task.id)
        _again(task, now, delay_ms if outcome == "retry" else 0)
    elif outcome == "lost":
        charge_loss(state, task, now)
    else:
        finalize(state, task, outcome, reason, now)
    tell_children(state, now)
    return APPLIED


def _again(task: Task, now: int, delay_ms: int) -> None:
    if delay_ms:
        delay(task, now + delay_ms)
    else:
        make_ready(task, now)


def cancel(state: State, now: int, task_id: str, *, grace_ms: int | None) -> str:
    """End a task, or ask its worker to; return what was done, empty for no such task."""
    task = state.tasks.get(task_id)
    if task is None:
        return ""
    if task.is_final:
        return "final"
    if task.state == "running":
        if not task.cancel:
            state.tell("cancel", task.id)
        task.cancel = "default" if grace_ms is None else str(grace_ms)
        return "requested"
    leave_waiting(state, task)
    finalize(state, task, "cancelled", "", now)
    tell_children(state, now)
    return "cancelled"
