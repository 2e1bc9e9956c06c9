"""Modules are found where `python -m` would find them from where the person stands."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.snapshot.module import below, find_module


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("mod.py", "pkg/__init__.py", "pkg/train.py", "pkg/deep/__main__.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "src" / "inner").mkdir(parents=True)
    (tmp_path / "src" / "inner" / "run.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "script", "top"),
    [
        ("mod", "mod.py", "."),
        ("pkg.train", "pkg/train.py", "."),
        ("pkg.deep", "pkg/deep/__main__.py", "."),
        ("inner.run", "src/inner/run.py", "src"),
    ],
)
def test_a_module_is_found(here: Path, name: str, script: str, top: str) -> None:
    found = find_module(name, workdir=here)

    assert (found.name, found.script, found.top) == (name, here / script, here / top)
    assert below(found.top, here, name) == top


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pkg", "has no __main__.py"),
        ("pkg.trian", "did you mean pkg.train?"),
        ("pkg.dep", "did you mean pkg.deep?"),
        ("mdo", "did you mean mod?"),
        ("inner.rum", "did you mean inner.run?"),
        ("nothing.like", "no such module in .* or its src$"),
        ("mod.py", "that is a file; leave out -m"),
        ("pkg/train", "that is a file"),
        ("../mod", "that is a file"),
        ("a..b", "not the name of a module"),
        ("1a", "not the name of a module"),
        ("", "not the name of a module"),
    ],
)
def test_what_is_no_module_is_refused(here: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_module(name, workdir=here)


def test_a_package_that_would_travel_without_its_name_is_refused(here: Path) -> None:
    found = find_module("pkg.train", workdir=here)

    with pytest.raises(UsageError, match="a package travels from a git repository"):
        below(found.top, here / "pkg", "pkg.train")
