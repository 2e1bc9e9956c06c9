"""Which tasks a command means, and what it says of them."""

import pytest

from rq_agent.broker.answers import Answer, checked
from rq_agent.broker.errors import TaskError, TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.states import FINAL, TaskState
from rq_agent.cli.acting import check_selection
from rq_agent.cli.clone_options import CloneOptions, changes_of
from rq_agent.cli.filter_options import FilterOptions, filters_of
from rq_agent.cli.render.answers import answer_words, count_lines

ID = TaskId("0" * 16)


def test_options_name_what_they_accept() -> None:
    options = FilterOptions(state=["queued"], queue="q", user="me", label="a=b", name="n")

    assert filters_of(options, FINAL) == Filters(
        states=(TaskState.QUEUED,), queue="q", user="me", label="a=b", name="n"
    )
    assert options.words == "--state queued --queue q --user me --label a=b --name n"
    assert filters_of(FilterOptions(queue="q"), (TaskState.DRAFT,)).states == (TaskState.DRAFT,)
    with pytest.raises(UsageError, match="did you mean queued"):
        filters_of(FilterOptions(state=["queud"]), ())


@pytest.mark.parametrize(
    ("selectors", "options", "words"),
    [
        ((), FilterOptions(), "name tasks, or say which"),
        ((), FilterOptions(dry_run=True, yes=True), "name tasks, or say which"),
        (("last",), FilterOptions(queue="q"), "not both"),
        (("last",), FilterOptions(dry_run=True), "not both"),
    ],
)
def test_tasks_are_either_named_or_described(
    selectors: tuple[str, ...], options: FilterOptions, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check_selection(selectors, options)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(ID, "missing"), TaskNotFound, "not found"),
        (Answer(ID, "state", "running"), WrongState, "is running; cancel it first"),
        (Answer(ID, "state", "timed_out"), WrongState, "is timed out: it ended; reset it first"),
        (Answer(ID, "state", "draft"), WrongState, "is draft: it has not ended"),
        (Answer(ID, "unique", "x1"), TaskError, "task x1 has its unique key"),
        (Answer(ID, "unknown-parent", "x1"), TaskError, "waits for task x1"),
        (Answer(ID, "past"), TaskError, "lies back"),
    ],
)
def test_a_refusal_is_an_error_that_says_what_to_do(
    answer: Answer, error: type[Exception], words: str
) -> None:
    assert answer.is_refusal
    with pytest.raises(error, match=f"task {ID}: .*{words}"):
        checked(answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(ID, "enqueued", "delayed"), "is delayed now"),
        (Answer(ID, "unchanged", "queued"), "is queued already"),
        (Answer(ID, "unchanged"), "is so already"),
        (Answer(ID, "dequeued"), "is a draft now"),
        (Answer(ID, "cancelled"), "cancelled"),
    ],
)
def test_what_was_done_is_said(answer: Answer, words: str) -> None:
    assert not answer.is_refusal
    assert checked(answer) == answer
    assert answer_words(answer) == words


def test_counts_are_said_with_the_most_frequent_first() -> None:
    counts = {"is running": 2, "dequeued": 40, "unmatched": 2, "is timed_out": 1}

    assert count_lines(counts) == [
        "40 dequeued",
        "2 were running: left alone",
        "2 had changed meanwhile",
        "1 were timed out: left alone",
    ]


def test_changes_of_a_clone() -> None:
    options = CloneOptions(
        queue="q", priority="high", set=["lr=1"], unset=["n"], label=["a=b"], unique="none"
    )

    changes = changes_of(options, is_draft=False, environ={}, now_ms=0)

    assert (changes.queue, changes.priority, changes.unique) == ("q", 64, "")
    assert (changes.params, changes.without_params) == ({"lr": "1"}, ("n",))
    assert (changes.labels, changes.timeout_s) == ({"a": "b"}, None)
    assert changes_of(CloneOptions(), is_draft=True, environ={}, now_ms=0).unique is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (CloneOptions(queue="a b"), "is not a name"),
        (CloneOptions(priority="999"), "--priority 999"),
        (CloneOptions(at="2031-01-01", delay="1h"), "two times"),
        (CloneOptions(delay="1h"), "a draft has no time"),
        (CloneOptions(set=["lr"]), "--set lr"),
    ],
)
def test_changes_that_can_not_be_are_refused(options: CloneOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        changes_of(options, is_draft=True, environ={}, now_ms=0)
