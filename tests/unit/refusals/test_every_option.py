"""Every option that takes a value with a form stands in the table with a wrong one."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import pytest
import typer

from rq_agent.cli.app import made
from rq_agent.cli.options import COMMON_NAMES

from ..test_cli_help import COMMANDS
from .test_table import ROWS

FREE_TEXT: Final = frozenset(
    {
        "description",
        "host",
        "reason",
        "token_file",
        "archive ls name",
        "archive ls user",
        "events task",
        "join name",
        "key add name",
        "move after",
        "ps name",
        *(f"{verb} name" for verb in ("archive add", "cancel", "dequeue", "enqueue", "label")),
        *(f"{verb} name" for verb in ("reset", "rm")),
    }
)
"""Options, some of one command only, any text of which is right, but for an empty one."""


def _options() -> Iterator[tuple[str, Any]]:
    for path, entry in COMMANDS.items():
        command = made(entry)
        for each in command.get_params(typer.Context(command, info_name=path)):
            if each.param_type_name == "option" and not each.is_flag:
                yield path, each


OPTIONS = [(path, each) for path, each in _options() if each.name not in COMMON_NAMES]


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=[f"{path} {each.name}" for path, each in OPTIONS]
)
def test_every_option_has_a_wrong_value_in_the_table(path: str, option: Any) -> None:
    words = path.split()
    lines = [row.arguments for row in ROWS if list(row.arguments[: len(words)]) == words]
    values = {value for line in lines for value in _values(line, option.opts)}

    assert values, "it has no row"
    assert values != {""} or not FREE_TEXT.isdisjoint({option.name, f"{path} {option.name}"})


@pytest.mark.parametrize("name", sorted(FREE_TEXT))
def test_what_may_be_any_text_is_an_option(name: str) -> None:
    known = {known for path, option in OPTIONS for known in (option.name, f"{path} {option.name}")}

    assert name in known


def _values(line: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return what a line gives to an option."""
    return [value for name, value in pairwise(line) if name in names]
