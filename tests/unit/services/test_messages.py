"""What is taken for a report, and what not."""

import json

import msgspec
import pytest

from rq_agent.worker.endings import StopCause
from rq_agent.worker.services import messages
from rq_agent.worker.services.calls import Call
from rq_agent.worker.services.messages import (
    Blocked,
    Done,
    Exits,
    Gap,
    Out,
    Pulse,
    Ready,
    Refused,
    Report,
    Row,
    State,
    Unblocked,
    parse,
)


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ('["ready", 5, "3.12.1", "uvloop"]', Ready(5, "3.12.1", "uvloop")),
        ('["state", [["a.1", "n", 1.5]]]', State([messages.Going("a.1", "n", 1.5)])),
        (
            '["done", [["a.1", "failed", 1, "no", null, "n", 7]]]',
            Done([Row("a.1", "failed", 1, "no", None, "n", 7)]),
        ),
        ('["out", "a.1", "err", 3, "x\\n"]', Out("a.1", "err", 3, "x\n")),
        ('["gap", "a.1", "out", 9]', Gap("a.1", "out", 9)),
        ('["blocked", "", 2.5, "at"]', Blocked("", 2.5, "at")),
        ('["unblocked", "a.1", 3]', Unblocked("a.1", 3)),
        ('["exits", "a.1", -1]', Exits("a.1", -1)),
        ('["refused", "a.1", "why"]', Refused("a.1", "why")),
        ('["pulse", 12, 34, 5]', Pulse(12, 34, 5)),
        ('["pulse", 12, 34, 5, "of a newer version"]', Pulse(12, 34, 5)),
    ],
)
def test_reports_are_what_the_protocol_says(line: str, report: Report) -> None:
    assert parse(line.encode()) == report


def test_a_kind_of_a_newer_host_is_passed_over() -> None:
    assert parse(b'["moon", {"phase": "full"}]') is None


def test_half_a_character_in_a_text_is_replaced() -> None:
    assert parse(b'["out", "a.1", "out", 0, "\\ud83d"]') == Out("a.1", "out", 0, "?")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[]",
        b"[1]",
        b"[null]",
        b'["done"]',
        b'["done", [["a.1", "won", 1, "", null, "", 0]]]',
        b'["done", [["a.1", "failed", 1, "", null, ""]]]',
        b'["done", [["a.1", "failed", 1e99, "", null, "", 0]]]',
        b'["done", [["a.1", "failed", 99999999999999999999, "", null, "", 0]]]',
        b'["done", [["a.1", "failed", 1, "", null, "", -1]]]',
        b'["done", [["' + b"k" * 200 + b'", "failed", 1, "", null, "", 0]]]',
        b'["out", "a.1", "sys", 0, "forged"]',
        b'["out", "a.1", "out", -1, ""]',
        b'["out", "a.1", "out", 99999999999999999999, ""]',
        b'["pulse", NaN, 1, 1]',
        b'["pulse", 1, 1e400, 1]',
        b'["out", "a.1", "out", 0, "\xff"]',
        b'["done", ' + b"[" * 100_000,
        b'["moon", ' + b"[" * 100_000,
    ],
)
def test_anything_else_is_nonsense(line: bytes) -> None:
    with pytest.raises(messages.Nonsense):
        parse(line)


def test_a_line_break_in_arguments_can_t_begin_another_command() -> None:
    arguments = b'[["a\\nb"],\r\n{}\n]\n["end"]'
    begin = messages.Begin("a.1", "m:f", messages.embedded(arguments[:-8]), 0, 1, "n")

    (line,) = messages.starts([begin, begin])

    assert line.count(b"\n") == 1
    command, (first, _) = json.loads(line)
    assert (command, first) == ("start", ["a.1", "m:f", [["a\nb"], {}], 0, 1, "n", True])


def test_commands_are_lines_of_json() -> None:
    lines = [
        messages.hello(2.5),
        messages.cancel("a.1", 30.0, StopCause.TIMED_OUT),
        messages.read(3),
        messages.end(),
    ]

    assert [json.loads(line) for line in lines] == [
        ["hello", {"lag_s": 2.5}],
        ["cancel", "a.1", 30.0, "timed out"],
        ["read", 3],
        ["end"],
    ]


def test_large_arguments_go_in_lines_of_their_own() -> None:
    large = msgspec.Raw(b'[["' + b"x" * 200_000 + b'"],{}]')
    begins = [messages.Begin(f"t{n}.1", "m:f", large, 0, 1, "") for n in range(5)]

    lines = list(messages.starts(begins))

    assert [len(json.loads(line)[1]) for line in lines] == [2, 2, 1]


def test_a_time_that_no_host_takes_is_no_limit() -> None:
    call = Call(
        key="a.1",
        target="./a.py:f",
        arguments=b"[[],{}]",
        timeout_s=2.0**31,
        grace_s=2.0**31,
        note="n",
    )

    begin = messages.begin(call, "/tree/a.py:f")

    assert (begin.timeout_s, begin.grace_s, begin.target) == (0.0, 1e9, "/tree/a.py:f")
    assert json.loads(messages.cancel("a.1", 2.0**31, StopCause.LOST)) == [
        "cancel",
        "a.1",
        1e9,
        "released",
    ]
