"""Which tasks a command means, and what it says of them."""

import time

import pytest

from rq_agent.broker.answers import Answer, checked
from rq_agent.broker.errors import TaskError, TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.states import FINAL, TaskState
from rq_agent.cli.acting import check_selection
from rq_agent.cli.change_options import ChangeOptions, CloneOptions, changes_of
from rq_agent.cli.filter_options import FilterOptions, Picked, WhereOptions
from rq_agent.cli.identity import user_name
from rq_agent.cli.picking import FAILED, filters_of, resumed
from rq_agent.cli.render.answers import answer_words, count_lines

ID = TaskId("0" * 16)


def test_options_name_what_they_accept() -> None:
    options = FilterOptions(state=["queued"], queue="q", user="me", label="a=b", name="n")

    assert filters_of(options, FINAL) == Filters(
        states=(TaskState.QUEUED,), queue="q", user="me", label="a=b", name="n"
    )
    assert options.words == "--state queued --queue q --label a=b --name n --user me"
    assert filters_of(FilterOptions(queue="q"), (TaskState.DRAFT,)).states == (TaskState.DRAFT,)
    with pytest.raises(UsageError, match="did you mean queued"):
        filters_of(FilterOptions(state=["queud"]), ())


def test_where_names_what_other_options_of_the_command_would_change() -> None:
    where = ["queue=q", "label=a=b", "name=n", "state=queued", "state=draft", "worker=w"]
    options = WhereOptions(where=where, user="me")

    assert filters_of(options, FINAL) == Filters(
        states=(TaskState.QUEUED, TaskState.DRAFT),
        queue="q",
        user="me",
        label="a=b",
        name="n",
        worker="w",
    )
    assert options.words == " ".join([*(f"--where {each}" for each in where), "--user me"])


def test_short_ways_to_say_which() -> None:
    assert filters_of(FilterOptions(failed=True), FINAL).states == FAILED
    assert filters_of(FilterOptions(mine=True), ()).user == user_name()
    since = filters_of(FilterOptions(since="2h"), ()).since_s
    assert abs(time.time() - 7200 - since) < 60
    assert FilterOptions(failed=True, mine=True, since="2h").words == ("--failed --mine --since 2h")
    assert resumed(FilterOptions()) is None
    assert resumed(FilterOptions(resume=ID)) == ID


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (WhereOptions(where=["queue"]), "write it as --where queue=NAME"),
        (WhereOptions(where=["quue=a"]), "a task has no quue; did you mean queue?"),
        (WhereOptions(where=["queue=a", "queue=b"]), "another queue was named too, 'a'"),
        (WhereOptions(where=["state=queud"]), "did you mean queued"),
        (FilterOptions(user="nobody-here", mine=True), "--mine: another user was named too"),
        (FilterOptions(failed=True, state=["queued"]), "--failed names states"),
        (FilterOptions(since="soon"), "--since soon"),
    ],
)
def test_what_can_not_be_meant_is_refused(options: Picked, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        filters_of(options, ())


@pytest.mark.parametrize("text", ["last", "0" * 15, "0" * 17, "I" * 16])
def test_only_a_whole_id_is_gone_on_behind(text: str) -> None:
    with pytest.raises(UsageError, match="write the whole id"):
        resumed(FilterOptions(resume=text))


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
        (
            Answer(ID, "state", "timed_out"),
            WrongState,
            r"has ended \(timed out\); reset it first, or rerun it",
        ),
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
        (Answer(ID, "removed"), "removed"),
        (Answer(ID, "removed", "archived"), "removed; the archive keeps its copy"),
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
    more = changes_of(
        ChangeOptions(
            label=["a=b-", "c-"], env=["A=1", "B-"], gpus="2", mem="0", grace="0", mem_limit="0"
        ),
        is_draft=False,
        environ={},
        now_ms=0,
    )
    assert (more.labels, more.without_labels) == ({"a": "b-"}, ("c",))
    assert (more.env, more.without_env) == ({"A": "1"}, ("B",))
    assert (more.needs, more.grace_s) == ({"gpus": 2, "mem_mib": 0}, 0.0)
    assert (changes.mem_limit_mib, more.mem_limit_mib) == (None, 0.0)
    assert changes_of(CloneOptions(), is_draft=True, environ={}, now_ms=0).unique is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (CloneOptions(queue="a b"), "is not a name"),
        (CloneOptions(priority="999"), "--priority 999"),
        (CloneOptions(at="2031-01-01", delay="1h"), "two times"),
        (CloneOptions(delay="1h"), "a draft has no time"),
        (CloneOptions(set=["lr"]), "--set lr"),
        (CloneOptions(set=["lr=1"], unset=["lr"]), "both set and unset"),
        (CloneOptions(label=["a=1", "a-"]), "both set and removed"),
        (CloneOptions(label=["a"]), "--label a: write it"),
        (CloneOptions(cpus="-1"), "--cpus -1"),
        (CloneOptions(name="x" * 256), "at most 255"),
    ],
)
def test_changes_that_can_not_be_are_refused(options: CloneOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        changes_of(options, is_draft=True, environ={}, now_ms=0)
