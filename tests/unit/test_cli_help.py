"""Help: commands and options in panels, and examples that can be typed."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from rq_agent.cli.app import made
from rq_agent.cli.examples import EXAMPLES
from rq_agent.cli.help_text import summary
from rq_agent.cli.option_panels import TASKS, WORK, panels_of
from rq_agent.cli.tree import ROOT, Entry, Group

from ..command_lines import parse


def walk(group: Group, path: str = "") -> Iterator[tuple[str, Entry]]:
    for panel in group.panels:
        for entry in panel.entries:
            name = f"{path} {entry.name}".strip()
            if isinstance(entry, Group):
                yield from walk(entry, name)
            elif not entry.is_hidden:
                yield name, entry


COMMANDS = dict(walk(ROOT))
LINES = [line for lines in EXAMPLES.values() for line in lines]


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_an_example_of_itself(path: str) -> None:
    assert EXAMPLES[path]
    assert all(line.startswith(f"rq-agent {path}") for line in EXAMPLES[path])


def test_every_example_is_of_a_command() -> None:
    assert set(EXAMPLES) - {""} == set(COMMANDS)


@pytest.mark.parametrize("line", LINES)
def test_every_example_can_be_parsed(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_every_command_says_what_it_does_in_one_line(path: str) -> None:
    text = made(COMMANDS[path]).help

    assert 5 < len(summary(text, 66)) <= 66
    assert not summary(text, 66).endswith("...")


@pytest.mark.parametrize(("path", "panels"), [("submit", TASKS), ("work", WORK)])
def test_every_option_with_a_panel_is_an_option_of_its_command(
    path: str, panels: dict[str, str]
) -> None:
    context: Any = typer.Context(made(COMMANDS[path]), info_name=path)
    names = {each.name for each in made(COMMANDS[path]).get_params(context)}

    assert set(panels) <= names
    assert panels_of(names) is panels


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Do it.", 10, "Do it"),
        ("Do it: at once, or later.", 16, "Do it: at once"),
        ("Do it: at once, or later.", 10, "Do it"),
        ("Do it.  Then\nsay so.\n\nMore of it.", 40, "Do it"),
        ("Do it now\nor later.\n\nMore of it.", 40, "Do it now or later"),
        ("Something without any break", 15, "Something wi..."),
    ],
)
def test_a_summary_is_the_first_sentence_or_its_whole_parts(
    text: str, limit: int, expected: str
) -> None:
    assert summary(text, limit) == expected
