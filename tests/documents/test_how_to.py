"""The commands of the how-tos, which need other machines, are at least commands that there are."""

import re
from pathlib import Path

import pytest

from ..command_lines import find, parse
from .page import Command, steps

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
IN_TABLES = re.compile(r"`(rq-agent [^`]+)`")


def lines(page: Path) -> list[str]:
    return [
        re.sub(r"^[A-Z_]+=\S+ ", "", step.text)
        for step in steps(page)
        if isinstance(step, Command) and "rq-agent " in step.text.split("|")[0]
    ]


COMMANDS = [(page.name, line) for page in PAGES for line in lines(page) if "tar " not in line]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_of_a_how_to_can_be_parsed(page: str, line: str) -> None:
    parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_how_to_shows_commands(page: Path) -> None:
    text = page.read_text("utf-8")

    assert lines(page) or IN_TABLES.search(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_in_a_table_are_there(page: Path) -> None:
    for line in IN_TABLES.findall(page.read_text("utf-8")):
        find(line.removeprefix("rq-agent ").replace(",", "").split())
