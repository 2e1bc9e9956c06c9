"""`diff`: two tasks side by side."""

import anyio
import pytest

from .pseudo import Pseudo
from .terminal import Terminal
from .test_cli_archive import blobs, drop_blobs, gone, namespace

__all__ = ["gone"]


@pytest.fixture
def two(terminal: Terminal) -> tuple[str, str]:
    """Return tasks that differ in code, parameters, needs and name."""
    name = terminal.script("lr = 1\nprint(lr)\n")
    first = terminal.text("submit", "-n", "one", "--set", "lr=1", name).strip()
    terminal.script("lr = 2\nprint(lr)\n")
    second = terminal.text("submit", "-n", "two", "--set", "lr=2", "--gpus", "1", name).strip()
    return first, second


def test_only_what_differs_is_shown_and_files_with_their_lines_on_request(
    terminal: Terminal, two: tuple[str, str]
) -> None:
    shown = terminal.text("diff", "one", "two").splitlines()
    patch = terminal.text("diff", "one", "two", "--patch").splitlines()

    assert [line.split() for line in shown[:6]] == [
        [two[0], "one", two[1], "two"],
        ["state"],
        ["name", "one", "two"],
        ["parameters"],
        ["lr", "1", "2"],
        ["code"],
    ]
    assert shown[-2:] == ["files changed", "  script.py"]
    assert not any("queue" in line for line in shown)
    assert [line for line in patch if line.startswith(("+", "-"))] == [
        *("--- a/script.py", "+++ b/script.py", "-lr = 1", "+lr = 2")
    ]
    assert "queue" in terminal.text("diff", "one", "two", "--all")


def test_scripts_get_the_same_as_values(terminal: Terminal, two: tuple[str, str]) -> None:
    found = terminal.json("diff", *two)

    assert (found["schema"], found["a"]["id"], found["b"]["id"]) == (1, *two)
    assert {"name": "lr", "a": "1", "b": "2"} in [
        row for part in found["parts"] if part["title"] == "parameters" for row in part["rows"]
    ]
    assert found["files"] == {"added": [], "removed": [], "changed": ["script.py"]}
    assert found["equal"] is False


def test_on_a_narrow_terminal_one_stands_below_the_other(
    terminal: Terminal, two: tuple[str, str]
) -> None:
    shown = Pseudo(terminal, "diff", *two, columns=40)

    assert shown.end() == 0
    assert "  lr\r\n    - 1\r\n    + 2\r\n" in shown.plain
    assert all(len(line) <= 40 for line in shown.plain.splitlines())


def test_a_task_of_the_archive_is_compared_also_when_redis_lost_its_code(
    terminal: Terminal,
    gone: str,
) -> None:
    anyio.run(drop_blobs, terminal.home)
    assert anyio.run(blobs, terminal.home) == {}
    terminal.script("print('other')\n")
    other = terminal.text("submit", "script.py").strip()

    found = terminal.json("diff", gone, other)

    assert (found["a"]["archived"], found["b"]["archived"]) == (True, False)
    assert found["files"]["changed"] == ["script.py"]
    assert found["trouble"] == ""


def test_code_that_is_nowhere_is_told_and_the_rest_compared(
    terminal: Terminal, two: tuple[str, str]
) -> None:
    for task_id in two:
        terminal.text("cancel", task_id)
    anyio.run(lose_code, terminal)

    found = terminal("diff", *two)

    assert found.returncode == 0
    assert b"files are not compared: snapshot" in found.stdout
    assert b"lr" in found.stdout


async def lose_code(terminal: Terminal) -> None:
    names = await blobs(terminal.home)
    async with namespace(terminal.home) as ns:
        assert await ns.redis.delete(*names) == 2


def test_a_task_is_not_compared_with_itself(terminal: Terminal, two: tuple[str, str]) -> None:
    refused = terminal("diff", "one", two[0])

    assert (refused.returncode, refused.stdout) == (2, b"")
    assert f"one and {two[0]} are both task {two[0]}: name two" in refused.stderr.decode()
    assert terminal("diff", "one", "nothing").returncode == 3
