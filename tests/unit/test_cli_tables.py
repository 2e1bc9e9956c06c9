"""Tables: what a narrow terminal loses, and what stands in them."""

import sys

import pytest

from rq_agent.cli.config import load
from rq_agent.cli.render.screen import Screen
from rq_agent.cli.render.tables import (
    Cell,
    Column,
    fitting,
    made,
    plain,
    print_table,
    shrunk,
)

COLUMNS = (
    Column("ID"),
    Column("NAME", shrinks=True),
    Column("QUEUE", rank=2),
    Column("USER", rank=3),
    Column("TIME", rank=1, is_number=True),
)
WIDTHS = (16, 40, 10, 8, 5)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (200, [0, 1, 2, 3, 4]),
        (59, [0, 1, 2, 3, 4]),
        (58, [0, 1, 2, 4]),
        (48, [0, 1, 4]),
        (36, [0, 1]),
        (5, [0, 1]),
    ],
)
def test_a_narrow_terminal_loses_the_least_important_columns_first(
    limit: int, kept: list[int]
) -> None:
    assert fitting(COLUMNS, WIDTHS, limit) == kept


@pytest.mark.parametrize(
    ("limit", "name"), [(200, 40), (59, 12), (70, 23), (10, 6)], ids=lambda v: str(v)
)
def test_only_the_columns_that_may_shrink_do_and_no_more_than_needed(limit: int, name: int) -> None:
    assert shrunk(COLUMNS, WIDTHS, range(5), limit) == [16, name, 10, 8, 5]


def test_without_a_terminal_a_table_is_plain_aligned_text_that_is_never_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(load(environ={"RQ_AGENT_HOME": "/nowhere"}))
    rows = [
        [Cell("a" * 16), Cell("n" * 300), Cell("q"), Cell("ada"), Cell("5s")],
        [Cell("b"), Cell("", "red"), Cell("queue"), Cell(""), Cell("12.5s")],
    ]

    print_table(screen, COLUMNS, rows)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "QUEUE", "USER", "TIME"]
    assert lines[1] == f"{'a' * 16}  {'n' * 300}  q      ada      5s"
    assert lines[2] == f"b{' ' * 317}  queue        12.5s"
    assert not any("\t" in line or "\x1b" in line or line != line.rstrip() for line in lines)


@pytest.mark.parametrize("limit", [None, 30])
def test_many_rows_look_like_few(capsys: pytest.CaptureFixture[str], limit: int | None) -> None:
    screen = Screen(load(environ={"RQ_AGENT_HOME": "/nowhere"}))
    rows = [
        [Cell("a" * 16), Cell("訓練" * 9), Cell("q"), Cell("ada"), Cell("5s")],
        [Cell("b\x1b"), Cell("", "red"), Cell("queue"), Cell(""), Cell("12.5s")],
    ]
    table, width = made(COLUMNS, rows, limit)
    console = screen.console(sys.stdout, width=width + 2)
    console.print(table)
    few = [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    assert list(plain(COLUMNS, rows, limit)) == few


def test_what_others_named_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(load(environ={"RQ_AGENT_HOME": "/nowhere"}))

    print_table(screen, [Column("NAME")], [[Cell("a\x1b[2Jb\nc\x9bd[bold]")]])

    assert capsys.readouterr().out.splitlines()[1:] == ["a\ufffd[2Jb\ufffdc\ufffdd[bold]"]


def test_where_it_is_very_narrow_columns_are_cut_shorter_still() -> None:
    columns = [Column("ID"), Column("NAME", shrinks=True), Column("STATE", shrinks=True)]

    assert shrunk(columns, [16, 20, 12], [0, 1, 2], 40) == [16, 10, 10]
    assert shrunk(columns, [16, 20, 12], [0, 1, 2], 20) == [16, 6, 6]
