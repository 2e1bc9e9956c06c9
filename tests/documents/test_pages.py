"""Every command that README.md and the tour show is typed, and prints what they show."""

from pathlib import Path

import pytest

from .page import Command, NotRun, steps
from .shell import Shell

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/tour.md"]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_happens(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shell = Shell(tmp_path, tmp_path_factory.mktemp("cache"))
    try:
        problems = [problem for step in steps(ROOT / name) if (problem := shell.take(step))]
    finally:
        shell.close()

    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_commands_and_says_why_some_are_not_run(name: str) -> None:
    found = steps(ROOT / name)

    assert any(isinstance(step, Command) for step in found)
    assert all(len(step.reason) > 10 for step in found if isinstance(step, NotRun))
