"""The first source that exists counts, and no other is looked at."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements.find import Found, find
from rq_agent.broker.requirements.order import ORDER, Source, choose

Write = Callable[[str, str], Path]
HEADER = '# /// script\n# dependencies = ["from-header"]\n# ///\n'
PYPROJECT = '[project]\nname = "p"\nversion = "1"\ndependencies = ["from-pyproject"]\n'
LOCK = """
version = 1
requires-python = ">=3.12"

[[package]]
name = "p"
version = "1"
source = { virtual = "." }
"""


@pytest.fixture(autouse=True)
def _our_own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    write("x.py", "print(1)\n")
    return write


def found(folder: Path, script: str = "x.py", **options: object) -> Found:
    return find(Path(script), root=folder, workdir=folder, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ORDER)
def test_each_source_outranks_those_after_it(source: Source) -> None:
    present = set(ORDER[ORDER.index(source) :]) - {Source.PYPROJECT}
    if source is Source.PYPROJECT:
        present.add(source)

    assert choose(present.__contains__) is source


def test_poetry_lock_steps_aside_for_dependencies_in_pyproject() -> None:
    assert choose({Source.POETRY_LOCK, Source.PYPROJECT}.__contains__) is Source.PYPROJECT


def test_imports_are_the_last_resort() -> None:
    assert choose(lambda source: False) is Source.IMPORTS


def test_sources_are_taken_in_order_as_files_go_away(write: Write, tmp_path: Path) -> None:
    script = write("x.py", HEADER)
    write("uv.lock", LOCK)
    write("poetry.lock", "")
    write("pyproject.toml", PYPROJECT)
    write("requirements.txt", "from-txt\n")
    write("environment.yml", "")
    seen = [found(tmp_path, packages=["from-flag"]).spec]
    seen.append(found(tmp_path).spec)
    script.write_text("import msgspec\n")
    for name in ("uv.lock", "pyproject.toml", "poetry.lock", "requirements.txt"):
        if name != "poetry.lock":
            seen.append(found(tmp_path).spec)
        (tmp_path / name).unlink()

    assert [(spec.source, spec.requirements) for spec in seen] == [
        ("flags", ("from-flag",)),
        ("script header", ("from-header",)),
        ("uv.lock", ()),
        ("pyproject.toml", ("from-pyproject",)),
        ("requirements.txt", ("from-txt",)),
    ]
    with pytest.raises(UsageError, match=r"environment\.yml: conda environments are not supported"):
        found(tmp_path)
    (tmp_path / "environment.yml").unlink()
    assert found(tmp_path).spec.source == "imports"


def test_a_broken_source_that_does_not_count_harms_nothing(write: Write, tmp_path: Path) -> None:
    write("x.py", HEADER)
    write("pyproject.toml", "broken [")

    assert found(tmp_path).spec.source == "script header"


def test_poetry_lock_alone_says_what_to_do(write: Write, tmp_path: Path) -> None:
    write("poetry.lock", "")
    write("pyproject.toml", '[tool.poetry]\nname = "p"\n')

    with pytest.raises(UsageError, match=r"poetry\.lock is not supported yet; .*--requirements"):
        found(tmp_path)


def test_files_are_looked_for_from_the_script_up_to_the_root(write: Write, tmp_path: Path) -> None:
    write("above/requirements.txt", "too-high\n")
    write("above/root/pyproject.toml", PYPROJECT)
    write("above/root/sub/requirements.txt", "beside\n")
    write("above/root/sub/x.py", "")
    root = tmp_path / "above" / "root"

    assert found(root, "sub/x.py").spec.source == "pyproject.toml"
    (root / "pyproject.toml").unlink()
    assert found(root, "sub/x.py").spec.requirements == ("beside",)
    (root / "sub" / "requirements.txt").unlink()
    assert found(root, "sub/x.py").spec.source == "none"


def test_flags_name_files_and_packages_and_a_python(write: Write, tmp_path: Path) -> None:
    write("needs/r.txt", "numpy>=2\n")

    spec = found(
        tmp_path, files=[Path("needs/r.txt")], packages=["torch[x]==2.5"], python="3.12"
    ).spec

    assert spec.requirements == ("numpy>=2", "torch[x]==2.5")
    assert (spec.source, spec.python) == ("flags", "3.12")


def test_a_requirements_file_that_is_missing_is_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"requirements file not found: no\.txt"):
        found(tmp_path, files=[Path("no.txt")])


def test_a_package_that_is_no_requirement_is_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--with: 'torch=2' is not a requirement"):
        found(tmp_path, packages=["torch=2"])


def test_rq_agent_is_never_a_requirement(write: Write, tmp_path: Path) -> None:
    write("x.py", HEADER.replace('"from-header"', '"rq-agent>=1", "rq_agent", "RQ.Agent[x]"'))

    assert found(tmp_path).spec.requirements == ()


def test_the_submitters_python_counts_where_no_source_names_one(
    write: Write, tmp_path: Path
) -> None:
    spec = found(tmp_path).spec

    assert (spec.source, spec.requirements) == ("none", ())
    assert spec.python == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_line_that_no_worker_would_accept_is_refused_at_submit(
    write: Write, tmp_path: Path
) -> None:
    write("requirements.txt", f"numpy==2 {'--hash=sha256:00 ' * 100_000}\n")

    with pytest.raises(UsageError, match=r"do not fit a definition.*numpy==2"):
        found(tmp_path)
