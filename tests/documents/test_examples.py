"""The examples that need nothing installed do what they say."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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
