"""The options about when a task starts and beside which others."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.new_task import Condition
from rq_agent.cli.options import LONG_OPTIONS, StartOptions, TaskOptions
from rq_agent.cli.start_options import (
    After,
    IfExists,
    afters,
    at_ms,
    concurrency_limit,
    if_exists,
)
from rq_agent.cli.submitting import started, submission_of

NOW = datetime(2031, 5, 1, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2031-05-01T18:00", 16),
        ("2031-05-01 18:00", 16),
        ("20310501T1800", 16),
        ("2031-05-01T18:00Z", 18),
        ("2031-05-01T18:00+05:00", 13),
        (" 2031-05-01T16:30:00.000-00:30 ", 17),
    ],
)
def test_a_time_without_a_zone_is_of_this_machine(text: str, hour: int) -> None:
    expected = datetime(2031, 5, 1, hour, tzinfo=UTC).timestamp() * 1000

    assert at_ms(text, zone="Europe/Berlin", now_ms=NOW_MS) == expected


def test_a_time_of_just_now_is_accepted() -> None:
    assert at_ms("2031-05-01T11:59:30Z", zone="UTC", now_ms=NOW_MS) == NOW_MS - 30_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", "write a time like 2031-05-01T18:00"),
        ("", "write a time like"),
        ("2031-13-01T00:00", "write a time like"),
        ("2031-05-01T13:30", "that is past, in the time zone CEST"),
        ("1999-01-01", "that is past"),
        ("0001-01-01T00:00+14:00", "that is past"),
        ("2042-01-01", "more than ten years ahead"),
        ("9999-12-31T23:59-14:00", "more than ten years ahead"),
        ("99999-12-31", "write a time like"),
    ],
)
def test_a_time_that_can_not_be_meant_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        at_ms(text, zone="Europe/Berlin", now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("text", "selector", "condition"),
    [
        ("last", "last", Condition.OK),
        ("01hz:any", "01hz", Condition.ANY),
        ("01hz:fail", "01hz", Condition.FAIL),
        ("a:name:ok", "a:name", Condition.OK),
    ],
)
def test_a_task_to_wait_for_has_a_condition(text: str, selector: str, condition: Condition) -> None:
    assert afters([text]) == (After(selector, condition),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("last:okk", "did you mean ok"),
        ("last:zzz", "say ok, any, fail"),
        ("last:", "say ok, any, fail"),
        (":ok", "name a task"),
        ("", "name a task"),
    ],
)
def test_a_condition_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        afters([text])


def test_what_to_do_about_a_taken_key() -> None:
    assert if_exists(TaskOptions()) is IfExists.ERROR
    assert if_exists(TaskOptions(unique="k", if_exists="return")) is IfExists.RETURN
    with pytest.raises(UsageError, match="does nothing without --unique"):
        if_exists(TaskOptions(if_exists="return"))
    with pytest.raises(UsageError, match="say error, return, replace"):
        if_exists(TaskOptions(unique="k", if_exists="retrun"))


def test_a_limit_needs_its_key() -> None:
    assert concurrency_limit(TaskOptions()) == 1
    assert concurrency_limit(TaskOptions(concurrency_key="k", concurrency_limit="3")) == 3
    with pytest.raises(UsageError, match="does nothing without --concurrency-key"):
        concurrency_limit(TaskOptions(concurrency_limit="3"))
    with pytest.raises(UsageError, match="--concurrency-limit 0: write a whole number from 1"):
        concurrency_limit(TaskOptions(concurrency_key="k", concurrency_limit="0"))


def test_all_of_it_reaches_the_submission(tmp_path: Path) -> None:
    options = TaskOptions(
        unique="k",
        if_exists="replace",
        concurrency_key="disk",
        concurrency_limit="2",
        result_ttl="1h",
        mem_limit="1.5G",
        exclusive="kill",
    )
    start = StartOptions(at="2031-05-01T18:00")
    submission = submission_of(options, "script.py", (), environ={}, workdir=tmp_path, queue="q")

    found = started(submission, start, options, environ={"TZ": "UTC"}, now_ms=NOW_MS)

    assert (found.unique, found.replaces, found.is_draft) == ("k", True, False)
    assert (found.concurrency_key, found.concurrency_limit) == ("disk", 2)
    assert (found.result_ttl_s, found.at_ms) == (3600, NOW_MS + 6 * 3_600_000)
    assert (found.mem_limit_mib, found.exclusive) == (1536, "kill")


def test_a_draft_has_no_time_to_start_at(tmp_path: Path) -> None:
    options = TaskOptions()
    submission = submission_of(options, "script.py", (), environ={}, workdir=tmp_path, queue="q")
    rest: dict[str, Any] = {"environ": {}, "now_ms": NOW_MS}

    assert started(submission, StartOptions(draft=True), options, **rest).is_draft
    with pytest.raises(UsageError, match="rq-agent enqueue"):
        started(submission, StartOptions(draft=True, at="2031-05-01T18:00Z"), options, **rest)


def test_two_times_to_start_at_are_one_too_many(tmp_path: Path) -> None:
    options = TaskOptions(delay="1h")
    submission = submission_of(options, "script.py", (), environ={}, workdir=tmp_path, queue="q")
    rest: dict[str, Any] = {"environ": {}, "now_ms": NOW_MS}

    with pytest.raises(UsageError, match="--at and --delay"):
        started(submission, StartOptions(at="2031-05-01T18:00Z"), options, **rest)


def test_they_are_ours_when_they_stand_behind_the_script() -> None:
    assert {"--at", "--after", "--draft", "--unique", "--concurrency-key"} <= LONG_OPTIONS
