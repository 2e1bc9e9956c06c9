"""What `logs` lets through."""

import re

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.logs import LogEntry
from rq_agent.cli.log_sieve import Choice, Sieve, compiled


def entry(data: bytes, stream: str = "out", *, at: float = 0.0, dropped: int = 0) -> LogEntry:
    return LogEntry(
        stream=stream, offset=0, raw_bytes=len(data), data=data, dropped_bytes=dropped, at=at
    )


def through(choice: Choice, *entries: LogEntry) -> list[bytes]:
    sieve = Sieve(choice)
    fed = [wanted.data for each in entries for wanted in sieve.feed(each)]
    return fed + [wanted.data for wanted in sieve.rest()]


def matching(pattern: str) -> Choice:
    return Choice(pattern=re.compile(pattern))


def test_without_a_wish_everything_goes_through_as_it_came() -> None:
    assert through(Choice(), entry(b"one\ntw"), entry(b"o\n", "err")) == [b"one\ntw", b"o\n"]


def test_lines_are_matched_whole_though_they_came_in_pieces_and_streams_are_kept_apart() -> None:
    entries = (entry(b"los"), entry(b"an error\n", "err"), entry(b"s 1\nacc 2\nloss"), entry(b" 3"))

    assert through(matching("^loss [0-9]$"), *entries) == [b"loss 1\n", b"loss 3"]
    assert through(matching("error"), *entries) == [b"an error\n"]


@pytest.mark.parametrize("line", [b"done\r\n", b"\x1b[32mdone\x1b[0m\n", b"done"])
def test_neither_line_ends_of_windows_nor_colours_hide_the_end_of_a_line(line: bytes) -> None:
    assert through(matching("^done$"), entry(line)) == [line]


def test_a_line_without_an_end_is_matched_in_pieces_before_it_fills_the_memory() -> None:
    sieve = Sieve(matching("x"))

    assert sieve.feed(entry(b"x" * 300_000))
    assert sieve.rest() == []


def test_bytes_that_are_no_text_are_lines_too() -> None:
    assert through(matching("b"), entry(b"\xffb\n\xff\n")) == [b"\xffb\n"]


def test_times_are_those_of_the_first_and_the_last() -> None:
    entries = [entry(b"%d" % n, at=float(n)) for n in range(5)]

    assert through(Choice(since_s=1.0, until_s=3.0), *entries) == [b"1", b"2", b"3"]


def test_a_hole_is_told_also_where_no_line_matches() -> None:
    [wanted] = Sieve(matching("x")).feed(entry(b"abc\n", dropped=7))

    assert (wanted.data, wanted.dropped_bytes) == (b"", 7)


def test_what_was_seen_already_is_not_there_again() -> None:
    assert through(Choice(), entry(b"")) == []


def test_case_is_ignored_on_request_and_no_expression_is_refused() -> None:
    assert compiled("LOSS", ignores_case=True).search("a loss")
    assert not compiled("LOSS", ignores_case=False).search("a loss")
    with pytest.raises(UsageError, match=r"--grep \[\[a: not a regular expression: "):
        compiled("[[a", ignores_case=False)
