"""Exit codes of errors and of tasks."""

import pytest

from rq_agent.broker import errors
from rq_agent.broker.errors import RqAgentError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import Record, parse
from rq_agent.cli import exits
from rq_agent.cli.waiting import Wanted, exit_code


def record(state: str, exit_code: int | None = None) -> Record:
    fields = {b"state": state.encode()}
    if exit_code is not None:
        fields[b"exit_code"] = str(exit_code).encode()
    return parse(TaskId("t"), fields, {}, {})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.SelectorError("x"), 3),
        (errors.TaskNotFound(TaskId("x")), 3),
        (errors.AccessDenied("x"), 4),
        (errors.BrokerUnavailable("x"), 5),
        (errors.BrokerRefused("x"), 5),
        (errors.NotConfirmed(TaskId("x"), "is enqueued"), 125),
        (errors.SnapshotError("x"), 1),
        (errors.TrustError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_code(error: RqAgentError, code: int) -> None:
    assert exits.of_error(error) == code


@pytest.mark.parametrize(
    ("state", "own", "code"),
    [
        ("succeeded", 0, 0),
        ("failed", 3, 3),
        ("failed", 137, 137),
        ("failed", None, 1),
        ("failed", 256, 1),
        ("failed", 0, 1),
        ("errored", None, 125),
        ("timed_out", 143, 124),
        ("cancelled", 137, 143),
        ("dead", None, 125),
        ("expired", None, 125),
        ("skipped", None, 125),
    ],
)
def test_a_task_exits_with_its_own_code_or_with_what_ended_it(
    state: str, own: int | None, code: int
) -> None:
    assert exits.of_task(record(state, own)) == code


def test_several_tasks_exit_with_one_unless_all_succeeded() -> None:
    good, bad = record("succeeded", 0), record("failed", 3)

    assert exit_code([good, good], Wanted()) == 0
    assert exit_code([good, bad], Wanted()) == 1
    assert exit_code([bad], Wanted()) == 3
