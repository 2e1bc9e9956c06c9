"""The examples that need nothing installed do what they say."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rq_agent.sdk.task import _NAMES
from rq_agent.testing import SyncTestClient

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def load() -> Iterator[Any]:
    """Returns an example as a module."""
    loaded = []

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]


def test_the_plain_script_prints_squares(
    load: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load("plain_script")
    monkeypatch.setattr(script, "SyncClient", SyncTestClient)

    script.main()

    said = capsys.readouterr().out.splitlines()
    assert "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]" in said
    assert said[-1] == "as expected: ValueError: 5000 is too large"


async def test_the_bot_says_that_all_is_well(load: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert await load("bot").main(every_s=0, rounds=2) == 2

    said = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[-1] for line in said] == [
        "all is well",
        "all is well",
        "bye",
    ]  # of `good bye`


PAGES = [EXAMPLES.parent / "docs" / "how-to" / name for name in ("python-api.md", "migrate.md")]
BLOCKS = [
    (page.name, text)
    for page in PAGES
    for text in re.findall(
        r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize(("page", "text"), BLOCKS)
def test_code_of_a_page_is_python(page: str, text: str) -> None:
    compile(text, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_options_of_a_page_are_those_that_there_are() -> None:
    table = PAGES[0].read_text("utf-8").partition("| option of `@task")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(_NAMES)
