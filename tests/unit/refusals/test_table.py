"""Each wrong invocation: a code, words on stderr that say what is wrong, nothing on stdout."""

from collections import Counter
from pathlib import Path

import pytest

from rq_agent.cli.main import main

from .of_changing import CHANGING
from .of_fleet import FLEET
from .of_looking import LOOKING
from .of_machine import MACHINE, OTHERS
from .of_submitting import SUBMITTING
from .row import Row

ROWS = [*SUBMITTING, *CHANGING, *LOOKING, *FLEET, *MACHINE, *OTHERS]
_USAGE = "usage: "
"""Rows of a group without a command: it says which commands there are, at any length."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row.line)[1:60])
@pytest.mark.usefixtures("nothing_starts")
def test_a_wrong_invocation_says_what_is_wrong_and_starts_nothing(
    row: Row, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(row.arguments) == row.code

    said = capsys.readouterr()
    assert said.out == ""
    assert row.words.lower() in said.err.lower()
    assert "Traceback" not in said.err
    assert "s3cret" not in said.err
    assert "\x1b" not in said.err
    if not row.words.startswith(_USAGE):
        assert said.err.startswith("rq-agent: ")
        assert len(said.err.splitlines()) <= 3
    assert not (place / "home" / "data" / "server").exists()
    assert not list((place / "home").rglob("*.rdb"))  # no embedded server for what can't work


def test_no_invocation_stands_in_the_table_twice() -> None:
    assert [line for line, count in Counter(row.line for row in ROWS).items() if count > 1] == []
