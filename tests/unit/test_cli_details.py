"""What `show` tells of a task."""

import pytest

from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.history import Step, parse
from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import parse as parse_record
from rq_agent.cli.render.detail_text import lines_of

FIELDS = {
    b"name": b"tr\x1b[2Jain.py",
    b"state": b"failed",
    b"queue": b"high",
    b"exit_code": b"3",
    b"fence": b"2",
    b"attempt": b"1",
    b"lost": b"1",
    b"started_ms": b"1000",
    b"finished_ms": b"3500",
}
EXTRA = {
    b"params": b'{"epochs":"3"}',
    b"used": b'{"epochs":"3","rate":"0.5"}',
    b"reason": b"exit 3",
}
DEFINITION = Definition(
    code=Code(form="file", blob="a" * 64, size_bytes=132, origin_commit="c" * 40, dirty=True),
    environment=EnvironmentSpec(source="script header", requirements=("numpy==2 --hash=sha256:x",)),
    entry=Entry(script="train.py"),
)


def test_a_task_is_shown_in_groups_with_what_it_used_and_what_was_overridden() -> None:
    record = parse_record(TaskId("01"), FIELDS, EXTRA, {})

    lines = list(lines_of(record, [Step(at=1.0, event="claimed", detail="w1")], DEFINITION))

    text = "\n".join(lines)
    assert lines[0] == "task 01  tr\ufffd[2Jain.py"
    for expected in (
        "  state         failed (exit 3)",
        "  attempt       1 (claim 2)",
        "  lost          its worker was lost 1 times",
        "  took          2.5s",
        "  * epochs      3",
        "    rate        0.5",
        "  commit        cccccccccccc with changes",
        "  packages      numpy==2",
        " claimed w1",
    ):
        assert expected in text
    assert "needs" not in text  # it needs nothing


def test_a_task_whose_definition_is_gone_is_shown_without_it() -> None:
    record = parse_record(TaskId("01"), FIELDS, EXTRA, {})

    assert "code" not in [line.strip() for line in lines_of(record, [], None)]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (b"1500 claimed w1 again", Step(at=1.5, event="claimed", detail="w1 again")),
        (b"1500 succeeded", Step(at=1.5, event="succeeded", detail="")),
        (b"hostile", None),
        (b"", None),
        (b"99999999999999999999 x", None),
    ],
)
def test_a_line_of_history_is_read_whatever_it_is(line: bytes, step: Step | None) -> None:
    assert parse(line) == step


@pytest.mark.parametrize(
    ("retry", "attempt", "retries"),
    [
        (
            b"3 x 10000 3600000 10 e 75",
            "2 of 4 (claim 2)",
            "3 after errored or exit 75, first after 10.0s, then twice as long, at most 1h 00m",
        ),
        (b"1 f 90000 90000 0 ft", "2 of 2 (claim 2)", "1 after failed or timed_out, 1m 30s apart"),
        (b"for ever", "2 (claim 2)", "malformed: for ever"),
    ],
)
def test_the_tries_of_a_task_are_shown(retry: bytes, attempt: str, retries: str) -> None:
    fields = FIELDS | {b"retry": retry, b"attempt": b"2"}

    lines = list(lines_of(parse_record(TaskId("01"), fields, EXTRA, {}), [], None))

    assert f"  attempt       {attempt}" in lines
    assert f"  retries       {retries}" in lines
