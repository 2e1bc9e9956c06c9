"""How the end of a process becomes the end of a task. Pure."""

import errno
import os
import signal
from enum import StrEnum
from pathlib import Path

import msgspec

from ..broker.claims import Outcome
from .process.wait import LOST, Exit


class StopCause(StrEnum):
    """Why the worker stops a task before it ended by itself."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    LOST = "lost"  # another claim may own it: report nothing
    RELEASED = "released"  # this worker leaves: back into its own place, uncharged
    POISON = "poison"  # this worker died beside it again and again: as if its lease had run out


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What to report of a task; the fields of `finish`."""

    outcome: Outcome
    exit_code: int | None = None
    reason: str = ""
    may_retry: bool = True
    """False: another try would end the same."""


REASON_CHARACTERS = 1_000
"""A reason may quote what a stranger wrote into Redis."""

NOT_RENEWED = "killed: its lease could not be renewed in time"
_KILLED = 128 + signal.SIGKILL

_OF_STOP = {
    StopCause.CANCELLED: Outcome.CANCELLED,
    StopCause.TIMED_OUT: Outcome.TIMED_OUT,
    StopCause.RELEASED: Outcome.RELEASE,
    StopCause.POISON: Outcome.LOST,
}


def of_stop(cause: StopCause, reason: str = "", exited: Exit | None = None) -> Ending | None:
    """Return the ending of a task that was stopped; None when nothing may be reported."""
    if cause is StopCause.LOST:
        return None
    code = shell_code(exited) if exited is not None else None
    return Ending(outcome=_OF_STOP[cause], exit_code=code, reason=reason or cause.value)


def errored(reason: str, *, may_retry: bool = True) -> Ending:
    """Return the ending of a task that this worker could not run, or must not."""
    return Ending(outcome=Outcome.ERRORED, reason=reason[:REASON_CHARACTERS], may_retry=may_retry)


def machine_words(error: OSError, folder: Path) -> str:
    """Return what is wrong with this machine, and where: in `folder` if the error names nothing."""
    # Of a copy, the second name is what was to be written.
    names = (error.filename2, error.filename, str(folder))
    where = os.fsdecode(next(n for n in names if isinstance(n, str | bytes)))
    advice = "; free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return f"{where}: {error.strerror or error}{advice}"


def of_watched(exited: Exit, cause: StopCause | None, reason: str = "") -> Ending | None:
    """Return the ending of a program that was watched; None when nothing may be reported.

    Args:
        exited: how it ended.
        cause: why it was told to stop, if it was. It may have ended by itself just before.
        reason: in words.
    """
    if cause is StopCause.LOST or (cause is not None and exited.stopped_by):
        return of_stop(cause, reason, exited)
    if exited.stopped_by == "deadline":
        return Ending(outcome=Outcome.LOST, reason=NOT_RENEWED)
    if exited.stopped_by:  # bounded like a lost lease: a program may do this to its own shim
        return Ending(outcome=Outcome.LOST, reason="stopped, but not by its worker")
    return of_exit(exited)


def of_never_started(cause: StopCause | None, reason: str = "") -> Ending | None:
    """Return the ending of an attempt whose worker was killed before it started the program.

    A loss, like one whose lease ran out: what kills its worker each time is to end some day.
    """
    if cause is not None:
        return of_stop(cause, reason)
    return Ending(outcome=Outcome.LOST, reason="worker was killed before the start")


def of_stopped_unseen(exited: Exit, cause: StopCause, reason: str = "") -> Ending | None:
    """Return the ending of a program that ended unwatched and that is to be stopped now."""
    if exited.error == LOST:
        return of_stop(cause, reason)
    return of_watched(exited, cause, reason)


def of_left_behind(
    exited: Exit, *, is_of_this_boot: bool, was_asked: bool, timeout_s: float
) -> Ending | None:
    """Return the ending of a program that ended while no worker watched it.

    Args:
        exited: how it ended.
        is_of_this_boot: whether the machine was not restarted since.
        was_asked: whether an earlier session told it to stop.
        timeout_s: how long it may run; 0: no limit.
    """
    if not is_of_this_boot and (exited.error == LOST or exited.stopped_by):
        return Ending(outcome=Outcome.RELEASE, reason="the machine was restarted")
    if exited.error == LOST:
        return Ending(outcome=Outcome.LOST, reason="worker and supervisor were killed")
    if exited.stopped_by and was_asked:  # a cancel is known to Redis, and is heeded there
        if 0 < timeout_s <= _lasted_s(exited):
            return of_stop(StopCause.TIMED_OUT, f"timed out after {timeout_s:g} s", exited)
        return Ending(outcome=Outcome.RELEASE, reason="worker was killed while it stopped the task")
    return of_watched(exited, None)


def of_exit(exited: Exit) -> Ending:
    """Return the ending of a task whose process ended by itself.

    A non-zero code and a signal are the user's code; a missing result is infrastructure.
    """
    if exited.error:
        return errored(exited.error)
    if exited.oom:
        reason = f"oom: used more than {exited.mem_limit_mib:g} MiB"
        return Ending(outcome=Outcome.FAILED, exit_code=_KILLED, reason=reason)
    if exited.code == 0:
        return Ending(outcome=Outcome.SUCCEEDED, exit_code=0)
    reason = f"signal {exited.signal}" if exited.signal else f"exit {exited.code}"
    if exited.machine_oom:
        reason += ", while the machine ran out of memory"
    return Ending(outcome=Outcome.FAILED, exit_code=shell_code(exited), reason=reason)


def shell_code(exited: Exit) -> int | None:
    """Return the code as a shell shows it: 128 + n after signal n, None when unknown."""
    return 128 + exited.signal if exited.signal else exited.code


def _lasted_s(exited: Exit) -> float:
    return (exited.ended_at or 0) - (exited.started_at or 0)
