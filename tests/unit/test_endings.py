import errno
from pathlib import Path

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.endings import (
    StopCause,
    errored,
    machine_words,
    of_exit,
    of_left_behind,
    of_never_started,
    of_stop,
    of_stopped_unseen,
    of_watched,
)
from rq_agent.worker.process.wait import LOST, Exit

RUNS = Path("/runs")


@pytest.mark.parametrize(
    ("exited", "outcome", "code", "reason"),
    [
        (Exit(code=0), Outcome.SUCCEEDED, 0, ""),
        (Exit(code=3), Outcome.FAILED, 3, "exit 3"),
        (Exit(signal=9), Outcome.FAILED, 137, "signal 9"),
        (Exit(error=LOST), Outcome.ERRORED, None, "supervisor lost"),
        (
            Exit(signal=9, oom=True, mem_limit_mib=4096.0),
            *(Outcome.FAILED, 137, "oom: used more than 4096 MiB"),
        ),
        (
            Exit(signal=9, machine_oom=True),
            *(Outcome.FAILED, 137, "signal 9, while the machine ran out of memory"),
        ),
        (Exit(code=137), Outcome.FAILED, 137, "exit 137"),
    ],
)
def test_only_the_user_s_code_fails(
    exited: Exit, outcome: Outcome, code: int | None, reason: str
) -> None:
    ending = of_exit(exited)

    assert (ending.outcome, ending.exit_code, ending.reason) == (outcome, code, reason)


@pytest.mark.parametrize(
    ("cause", "outcome", "reason"),
    [
        (StopCause.CANCELLED, Outcome.CANCELLED, "cancelled"),
        (StopCause.TIMED_OUT, Outcome.TIMED_OUT, "timed out"),
        (StopCause.RELEASED, Outcome.RELEASE, "released"),
    ],
)
def test_what_was_stopped_ends_by_its_cause(
    cause: StopCause, outcome: Outcome, reason: str
) -> None:
    ending = of_stop(cause, "", Exit(signal=15, stopped_by="term"))

    assert ending is not None
    assert (ending.outcome, ending.exit_code, ending.reason) == (outcome, 143, reason)


def test_what_its_deadline_ended_is_a_loss_unless_it_was_to_stop_anyway() -> None:
    exited = Exit(signal=9, stopped_by="deadline")

    lost = of_watched(exited, None)
    cancelled = of_watched(exited, StopCause.CANCELLED)

    assert lost is not None
    assert cancelled is not None
    assert (lost.outcome, cancelled.outcome) == (Outcome.LOST, Outcome.CANCELLED)
    assert lost.reason == "killed: its lease could not be renewed in time"


def test_nothing_is_reported_of_a_task_that_is_another_worker_s() -> None:
    assert of_stop(StopCause.LOST) is None


def test_a_reason_is_bounded() -> None:
    assert len(errored("x" * 1_000_000).reason) == 1_000


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(errno.ENOSPC, "full", "/a", None, "/b"), "/b: full; free some space"),
        (OSError(errno.EIO, "Input/output error"), "/runs: Input/output error"),
    ],
)
def test_what_is_wrong_with_the_machine_is_named_with_its_place(error: OSError, words: str) -> None:
    assert machine_words(error, RUNS) == words


DEAD = Exit(error=LOST)
TERM = Exit(signal=15, stopped_by="term", started_at=100, ended_at=160)


@pytest.mark.parametrize(
    ("exited", "outcome", "reason"),
    [
        (Exit(code=0), Outcome.SUCCEEDED, ""),
        (Exit(error="exit.json is damaged"), Outcome.ERRORED, "exit.json is damaged"),
        (DEAD, Outcome.LOST, "worker and supervisor were killed"),
        (TERM, Outcome.LOST, "stopped, but not by its worker"),
    ],
)
def test_what_ended_while_its_worker_was_dead(exited: Exit, outcome: Outcome, reason: str) -> None:
    ending = of_left_behind(exited, is_of_this_boot=True, was_asked=False, timeout_s=0)

    assert ending is not None
    assert (ending.outcome, ending.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("timeout_s", "outcome"),
    [(0, Outcome.RELEASE), (61, Outcome.RELEASE), (60, Outcome.TIMED_OUT)],
)
def test_what_a_worker_stopped_before_it_died_went_back_or_had_its_time(
    timeout_s: float, outcome: Outcome
) -> None:
    ending = of_left_behind(TERM, is_of_this_boot=True, was_asked=True, timeout_s=timeout_s)

    assert ending is not None
    assert ending.outcome == outcome


@pytest.mark.parametrize(
    ("exited", "outcome"),
    [
        (DEAD, Outcome.RELEASE),
        (TERM, Outcome.RELEASE),
        (Exit(code=3), Outcome.FAILED),
        (Exit(code=0), Outcome.SUCCEEDED),
    ],
)
def test_a_restart_of_the_machine_is_nobody_s_fault(exited: Exit, outcome: Outcome) -> None:
    ending = of_left_behind(exited, is_of_this_boot=False, was_asked=False, timeout_s=0)

    assert ending is not None
    assert ending.outcome == outcome


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (None, Outcome.LOST),
        (StopCause.CANCELLED, Outcome.CANCELLED),
        (StopCause.RELEASED, Outcome.RELEASE),
        (StopCause.LOST, None),
    ],
)
def test_what_was_never_started_is_lost_unless_something_else_is_wanted(
    cause: StopCause | None, outcome: Outcome | None
) -> None:
    ending = of_never_started(cause)

    assert (ending and ending.outcome) == outcome


@pytest.mark.parametrize(
    ("exited", "cause", "outcome"),
    [
        (DEAD, StopCause.CANCELLED, Outcome.CANCELLED),
        (DEAD, StopCause.LOST, None),
        (TERM, StopCause.CANCELLED, Outcome.CANCELLED),
        (Exit(code=3), StopCause.CANCELLED, Outcome.FAILED),
        (Exit(code=3), StopCause.LOST, None),
    ],
)
def test_what_is_to_be_stopped_and_ended_before(
    exited: Exit, cause: StopCause, outcome: Outcome | None
) -> None:
    ending = of_stopped_unseen(exited, cause)

    assert (ending and ending.outcome) == outcome
