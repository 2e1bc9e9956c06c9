import errno
from pathlib import Path

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.endings import StopCause, errored, machine_words, of_exit, of_stop
from rq_agent.worker.process.wait import LOST, Exit

RUNS = Path("/runs")


@pytest.mark.parametrize(
    ("exited", "outcome", "code", "reason"),
    [
        (Exit(code=0), Outcome.SUCCEEDED, 0, ""),
        (Exit(code=3), Outcome.FAILED, 3, "exit 3"),
        (Exit(signal=9), Outcome.FAILED, 137, "signal 9"),
        (Exit(error=LOST), Outcome.ERRORED, None, "supervisor lost"),
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
