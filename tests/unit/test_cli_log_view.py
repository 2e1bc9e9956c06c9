"""The log of a task as `logs` prints it."""

import json

import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import LogEntry
from rq_agent.broker.record import parse
from rq_agent.cli.config import load
from rq_agent.cli.log_sieve import Choice
from rq_agent.cli.options import Common
from rq_agent.cli.render.log_view import LogView, last_lines
from rq_agent.cli.render.screen import Screen


def entry(data: bytes, stream: str = "out", *, at: float = 0.0, dropped: int = 0) -> LogEntry:
    return LogEntry(
        stream=stream, offset=0, raw_bytes=len(data), data=data, dropped_bytes=dropped, at=at
    )


def view(*streams: str, with_times: bool = False, json_wanted: bool = False) -> LogView:
    settings = load(Common(json=json_wanted), {"RQ_AGENT_HOME": "/nowhere"})
    return LogView(Screen(settings), choice=Choice(streams=streams), with_times=with_times)


def joined(entries: list[LogEntry]) -> bytes:
    return b"".join(e.data for e in entries)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, b""),
        (1, b"five\n"),
        (2, b"four\nfive\n"),
        (3, b"three\nfour\nfive\n"),
        (5, b"one\ntwo\nthree\nfour\nfive\n"),
        (99, b"one\ntwo\nthree\nfour\nfive\n"),
    ],
)
def test_the_last_lines_are_counted_across_entries(count: int, text: bytes) -> None:
    entries = [entry(b"one\ntwo\nth"), entry(b"ree\n"), entry(b"four\nfi"), entry(b"ve\n")]

    assert joined(last_lines(entries, count)) == text


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert joined(last_lines([entry(b"one\ntwo\nrest")], 2)) == b"two\nrest"


def test_no_entry_has_no_last_lines() -> None:
    assert last_lines([], 5) == []


def test_bytes_go_to_stdout_as_they_are_and_the_workers_words_to_stderr(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    shown = view()

    shown.output(entry(b"\xff\x00\x1b[2J\r\n"))
    shown.output(entry(b"built\n", "sys"))
    shown.output(entry(b"err", "err"))
    shown.close()

    assert capfdbinary.readouterr() == (b"\xff\x00\x1b[2J\r\nerr", b"built\n")


def test_one_stream_can_be_chosen(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    shown = view("sys")

    shown.output(entry(b"out\n"))
    shown.output(entry(b"built\n", "sys"))

    assert capfdbinary.readouterr() == (b"built\n", b"")


def test_a_hole_is_marked_on_stderr_with_the_place_of_the_whole_log(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    shown = view()
    shown.state(parse(TaskId("t"), {b"state": b"running", b"worker": b"box-1"}, {}, {}))

    shown.output(entry(b"rest\n", dropped=12_300_000))

    out, err = capfdbinary.readouterr()
    assert out == b"rest\n"
    assert err == b"[12.3 MB dropped here; the whole log lies on worker box-1]\n"


def test_times_stand_in_front_of_lines_not_of_parts_of_them(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    shown = view(with_times=True)

    for data in (b"one\ntw", b"o\n", b"three"):
        shown.output(entry(data, at=1.5))

    stamp = b"1970-01-01T00:00:01.500Z "
    assert capfdbinary.readouterr().out == b"".join(
        [stamp, b"one\n", stamp, b"two\n", stamp, b"three"]
    )


def test_a_windows_line_end_that_comes_in_two_pieces_is_one(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    shown = view(with_times=True)

    for data in (b"one\r", b"\ntwo\r\n"):
        shown.output(entry(data, at=1.5))

    stamp = b"1970-01-01T00:00:01.500Z "
    assert capfdbinary.readouterr().out == stamp + b"one\r\n" + stamp + b"two\r\n"


def test_json_has_a_line_for_each_entry(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    shown = view(json_wanted=True)

    shown.output(entry("é\xff".encode("latin-1"), at=2.0, dropped=3))

    assert json.loads(capfdbinary.readouterr().out) == {
        "schema": 1,
        "task": "",
        "claim": 0,
        "stream": "out",
        "offset": 0,
        "at": 2.0,
        "dropped_bytes": 3,
        "text": "\\xe9\\xff",
    }
