"""Inline metadata of a script (PEP 723)."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements import header
from rq_agent.broker.requirements.wanted import Place, Wanted


def place(tmp_path: Path, text: str) -> Place:
    (tmp_path / "x.py").write_bytes(text.encode())
    return Place(script=tmp_path / "x.py", root=tmp_path)


def wrapped(*lines: str) -> str:
    return "#!/usr/bin/env python3\n# /// script\n" + "".join(f"# {x}\n" for x in lines) + "# ///\n"


def test_dependencies_and_python_are_read(tmp_path: Path) -> None:
    text = wrapped(
        'requires-python = ">=3.11,<4"',
        "dependencies = [",
        "  \"numpy>=2 ; python_version>'3'\",",
        "",
        '  "torch",',
        "]",
    )

    found = header.read(place(tmp_path, text))

    assert found.requirements == ('numpy>=2; python_version > "3"', "torch")
    assert set(found.python.split(",")) == {">=3.11", "<4"}


def test_windows_line_ends_are_read(tmp_path: Path) -> None:
    text = wrapped('dependencies = ["a"]').replace("\n", "\r\n")

    assert header.read(place(tmp_path, text)).requirements == ("a",)


def test_a_header_that_needs_nothing_is_a_header(tmp_path: Path) -> None:
    empty = place(tmp_path, wrapped('requires-python = ">=3.12"'))

    assert header.is_present(empty)
    assert header.read(empty) == Wanted(python=">=3.12")


def test_another_kind_of_block_and_plain_comments_are_no_header(tmp_path: Path) -> None:
    text = "# /// pyproject\n# a = 1\n# ///\n# script\nx = '# /// script'\n"

    assert not header.is_present(place(tmp_path, text))


def test_a_git_source_and_an_index_of_uv_are_written_out(tmp_path: Path) -> None:
    text = wrapped(
        'dependencies = ["My_Lib>=1", "torch"]',
        "[tool.uv.sources]",
        'my-lib = { git = "https://git.example.org/my.git", tag = "v1" }',
        'torch = { index = "gpu" }',
        "[[tool.uv.index]]",
        'name = "gpu"',
        'url = "https://index.example.org/gpu"',
    )

    found = header.read(place(tmp_path, text))

    plain = tuple(line.replace(" @", "@") for line in found.requirements)
    assert plain == ("My_Lib@ git+https://git.example.org/my.git@v1", "torch")
    assert found.index_options == ("--extra-index-url https://index.example.org/gpu",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (wrapped("dependencies = ["), r"x\.py:3:19: broken TOML"),
        (wrapped("a = 1", "b = = 2"), r"x\.py:4:7: broken TOML: Invalid value"),
        (wrapped("dependencies = 3"), r"x\.py:3: dependencies must be a list of strings"),
        (wrapped("dependencies = [", ' "a",', ' "b c"]'), r"x\.py:5: 'b c' is not a requirement"),
        (wrapped("requires-python = 'three'"), r"requires-python 'three' is not a version spec"),
        ("\n# /// script\n# a = 1\n", r"x\.py:2: the block `# /// script` has no end"),
        (wrapped("a = 1") + "\n" + wrapped("a = 1"), r"x\.py:7: a second block"),
        (
            wrapped('dependencies = ["a"]', "[tool.uv.sources]", 'a = { path = "../a" }'),
            r"a comes from a local path",
        ),
        (
            wrapped('dependencies = ["a @ https://me:pw@h.example.org/a.whl"]'),
            r"x\.py:3: the URL on h\.example\.org holds a password",
        ),
    ],
)
def test_a_malformed_header_names_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        header.read(place(tmp_path, text))
