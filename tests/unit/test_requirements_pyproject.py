"""`[project]` of a pyproject.toml."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements import pyproject
from rq_agent.broker.requirements.wanted import Place, source_root


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "sub").mkdir()
    return Place(script=tmp_path / "sub" / "x.py", root=tmp_path)


def write(place: Place, text: str) -> None:
    (place.root / "pyproject.toml").write_text(text)


def test_dependencies_python_and_import_root_are_read(place: Place) -> None:
    write(place, '[project]\nrequires-python = ">=3.11"\ndependencies = ["a>1", "rq-agent"]\n')

    found = pyproject.read(place)

    assert (found.requirements, found.python) == (("a>1",), ">=3.11")
    assert found.source_roots == (".",)


def test_a_src_layout_puts_src_on_the_path(place: Place) -> None:
    (place.root / "src" / "pkg").mkdir(parents=True)
    assert source_root(place.root) == place.root
    (place.root / "src" / "pkg" / "__init__.py").write_text("")
    write(place, "[project]\ndependencies = []\n")

    assert pyproject.read(place).source_roots == ("src",)


@pytest.mark.parametrize(
    "text", ["", "[tool.ruff]\n", "[project]\nname = 'p'\n", "[tool.poetry]\n", "project = 1\n"]
)
def test_a_file_of_settings_states_no_dependencies(place: Place, text: str) -> None:
    write(place, text)

    assert not pyproject.is_present(place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project]\ndependencies = [\n'a'", r"pyproject\.toml.*: broken TOML: "),
        ("[project\n", r"pyproject\.toml:1:9: broken TOML: Expected '\]'"),
    ],
)
def test_broken_toml_names_file_line_and_column(place: Place, text: str, words: str) -> None:
    write(place, text)

    with pytest.raises(UsageError, match=words):
        pyproject.is_present(place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies = 'a'", "dependencies must be a list of strings"),
        ("dependencies = ['a b']", "'a b' is not a requirement"),
        ("dependencies = []\n[tool.uv]\nindex = 3", "tool.uv: Expected `array`, got `int`"),
        ("dependencies = []\n[[tool.uv.index]]\nname = 'x'", "missing required field `url`"),
        ("dependencies = []\nrequires-python = 3", "requires-python 3 is not a version spec"),
    ],
)
def test_a_wrong_value_is_named(place: Place, text: str, words: str) -> None:
    write(place, f"[project]\n{text}\n")

    with pytest.raises(UsageError, match=words):
        pyproject.read(place)


def test_a_file_that_is_not_utf8_is_named(place: Place) -> None:
    (place.root / "pyproject.toml").write_bytes(b"a = '\xff'")

    with pytest.raises(UsageError, match=r"can't read .*pyproject\.toml"):
        pyproject.is_present(place)
