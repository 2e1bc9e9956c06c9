"""What tasks read is copied into the cache, by content and in one step."""

import stat
import sys
from pathlib import Path

import pytest

import rq_agent
from rq_agent.worker.sdk_folder import bootstrap_path, materialize


def files_below(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def test_the_folder_for_the_path_holds_only_rq_agent_with_the_sdk(tmp_path: Path) -> None:
    folder = materialize(tmp_path)

    assert [path.name for path in folder.iterdir()] == ["rq_agent"]
    assert folder.name.startswith(rq_agent.__version__ + "-")
    found = files_below(folder / "rq_agent")
    assert found == [
        "__init__.py",
        "py.typed",
        "sdk/__init__.py",
        "sdk/absent.py",
        "sdk/clients.py",
        "sdk/convert.py",
        "sdk/params.py",
        "sdk/task.py",
    ]


def test_files_and_folders_are_read_only(tmp_path: Path) -> None:
    folder = materialize(tmp_path)

    for path in [folder, *folder.rglob("*")]:
        if "__pycache__" not in path.parts:  # bytecode is left there by the tasks' own Pythons
            assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    first = materialize(tmp_path), bootstrap_path(tmp_path)
    inode = first[0].stat().st_ino

    assert (materialize(tmp_path), bootstrap_path(tmp_path)) == first
    assert first[0].stat().st_ino == inode
    assert len(list((tmp_path / "sdk").iterdir())) == 1


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_copy_is_made_anew(tmp_path: Path, damage: str) -> None:
    program = bootstrap_path(tmp_path)
    wanted = program.read_text()
    program.parent.chmod(0o755)
    program.unlink()
    if damage == "changed":
        program.write_text("half a fi")

    assert bootstrap_path(tmp_path) == program
    assert program.read_text() == wanted
    assert [path.name for path in program.parent.parent.iterdir()] == [program.parent.name]


def test_bytecode_for_our_python_is_there_from_the_start(tmp_path: Path) -> None:
    folder = bootstrap_path(tmp_path).parent

    made = {path.name for path in (folder / "__pycache__").iterdir()}

    assert f"ledger.{sys.implementation.cache_tag}.pyc" in made
