"""The reference pages name all that there is, and nothing that is not."""

import re
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.states import FINAL
from rq_agent.cli import config, config_file, exits

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def test_every_exit_code_is_explained() -> None:
    codes = {value for name, value in vars(exits).items() if name.isupper() and value != 141}
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", page("exit-codes.md"), re.MULTILINE)}

    assert {c for c in codes if isinstance(c, int)} | {141} == named


def test_every_event_is_explained() -> None:
    scripts = "\n".join(p.read_text("utf-8") for p in (ROOT / "broker" / "lua").glob("*.lua"))
    told = re.findall(r'\b(?:event|publish)\((?:id|""), "(\w+)"', scripts)
    written = {*told, *(state.value for state in FINAL), "drafted", "enqueued", "purged", "removed"}
    rows = re.findall(r"^\| (`.*?) \|", page("events.md"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert written <= named


@pytest.mark.parametrize("name", config._VARIABLES)
def test_every_variable_is_explained(name: str) -> None:
    assert f"| `{name}` |" in page("configuration.md")


def tables() -> list[tuple[str, str]]:
    file: Any = config_file.ConfigFile
    return [
        (table, key)
        for table in file.__struct_fields__
        for key in file.__annotations__[table].__struct_fields__
    ]


@pytest.mark.parametrize(("table", "key"), tables())
def test_every_setting_of_the_file_is_explained(table: str, key: str) -> None:
    block = re.search(rf"^\[{table}\]\n((?:.+\n)+)", page("configuration.md"), re.MULTILINE)

    assert block is not None
    assert re.search(rf"^{key} = ", block[1], re.MULTILINE)
