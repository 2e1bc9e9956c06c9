"""Imports of a script, pinned to what the submitter has installed."""

import json
import sys
import venv
from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements import imported, interpreter
from rq_agent.broker.requirements.wanted import Place
from rq_agent.broker.snapshot.imports import scan


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's environment with some packages; none of them can be imported."""
    folder = tmp_path_factory.mktemp("theirs")
    venv.create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    vcs = {"url": "https://git.example.org/v", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    for name, version, module, origin in (
        ("torch", "2.5.1+cu121", "torch", None),
        ("scikit-learn", "1.5.0", "sklearn", None),
        ("Pillow", "11.0", "PIL", None),
        ("google-auth", "2.0", "google", None),
        ("protobuf", "5.0", "google", None),
        ("mine", "0.1", "mine", {"url": "file:///home/me/mine", "dir_info": {"editable": True}}),
        ("vcs", "0.1", "vcs", vcs),
        ("rq-agent", "0.1", "rq_agent_plugin", None),
        ("pytest", "9", "pytest", None),
    ):
        info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "top_level.txt").write_text(f"{module}\n")
        (packages / f"{module}.py").write_text("raise SystemExit('imported')\n")
        if origin:
            (info / "direct_url.json").write_text(json.dumps(origin))
    return folder / "bin" / "python"


def place(tmp_path: Path, text: str) -> Place:
    (tmp_path / "x.py").write_text(text)
    return Place(script=tmp_path / "x.py", root=tmp_path)


def test_third_party_imports_are_pinned_without_local_version_parts(
    tmp_path: Path, python: Path
) -> None:
    text = (
        "import os, sys, torch.nn as nn\nfrom sklearn import svm\nimport rq_agent\n"
        "def f():\n    from PIL.Image import open\nfrom __future__ import annotations\n"
        "from . import nothing\nimport rq_agent_plugin\n"
    )

    found = imported.read(place(tmp_path, text), python)

    assert found.requirements == ("Pillow==11.0", "scikit-learn==1.5.0", "torch==2.5.1")
    assert found.warnings == ()
    assert found.python == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_namespace_of_several_packages_needs_them_all(tmp_path: Path, python: Path) -> None:
    found = imported.read(place(tmp_path, "import google.protobuf\n"), python)

    assert found.requirements == ("google-auth==2.0", "protobuf==5.0")


def test_imports_of_local_modules_count_and_their_own_names_do_not(
    tmp_path: Path, python: Path
) -> None:
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "models" / "deep" / "net.py").write_text("import torch, helpers\n")
    (tmp_path / "helpers.py").write_text("import models, x\nfrom sklearn import svm\n")
    (tmp_path / "pytest.py").write_text("")

    found = imported.read(place(tmp_path, "import models.deep.net, pytest\n"), python)

    assert found.requirements == ("scikit-learn==1.5.0", "torch==2.5.1")
    assert found.source_roots == ()


def test_modules_of_the_root_are_local_to_a_script_below_it(tmp_path: Path, python: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "src" / "lib").mkdir(parents=True)
    (tmp_path / "src" / "lib" / "__init__.py").write_text("import torch\n")
    (tmp_path / "flat.py").write_text("")
    script = tmp_path / "scripts" / "x.py"
    script.write_text("import lib, flat\n")

    found = imported.read(Place(script=script, root=tmp_path), python)

    assert found.requirements == ("torch==2.5.1",)
    assert found.source_roots == (".", "src")


def test_what_is_not_installed_or_does_not_travel_is_a_warning(
    tmp_path: Path, python: Path
) -> None:
    found = imported.read(place(tmp_path, "import nowhere, mine, vcs\n"), python)

    assert found.requirements == ("vcs @ git+https://git.example.org/v@abc",)
    assert len(found.warnings) == 2
    assert "nowhere is imported, but" in found.warnings[0]
    assert "mine is installed from file:///home/me/mine, which does not travel" in found.warnings[1]


def test_a_script_that_can_not_be_parsed_is_a_warning(tmp_path: Path, python: Path) -> None:
    found = imported.read(place(tmp_path, "def (:\n"), python)

    assert "x.py is no valid Python" in found.warnings[0]


@pytest.mark.parametrize("text", ["import a" + ".b" * 9, "x = '\\d'\nimport a", "import a\n" * 99])
def test_imports_are_read_from_any_valid_text(tmp_path: Path, text: str) -> None:
    script = place(tmp_path, text).script

    assert scan(script, folders=(tmp_path,)).foreign == {"a"}


def test_the_active_environment_is_the_submitters(tmp_path: Path, python: Path) -> None:
    active = {"VIRTUAL_ENV": str(python.parent.parent), "PATH": ""}
    conda = {"CONDA_PREFIX": str(python.parent.parent), "PATH": ""}
    on_path = {"PATH": f"{Path(sys.executable).parent}:{python.parent}"}

    assert interpreter.find(tmp_path, active) == python
    assert interpreter.find(tmp_path, conda) == python
    assert interpreter.find(tmp_path, on_path) == python.with_name("python3")
    assert interpreter.find(tmp_path, {}) == Path(sys.executable)


def test_an_interpreter_that_fails_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho lost >&2\nexit 3\n")
    broken.chmod(0o755)

    with pytest.raises(UsageError, match=r"can't ask .*python what it has installed.*lost"):
        interpreter.ask(broken, ["a"])
    with pytest.raises(UsageError, match=r"can't ask .*nowhere"):
        interpreter.ask(tmp_path / "nowhere", ["a"])
