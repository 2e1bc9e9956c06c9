"""The pip of an interpreter, unpacked."""

import zipfile
from pathlib import Path

import pytest

from rq_agent.broker.errors import BuildError
from rq_agent.worker.environment.bundled_pip import unpacked


def wheel(folder: Path, content: str = "version = 1") -> str:
    path = folder / "pip-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pip/__init__.py", content)
        archive.writestr("pip/inner/main.py", "")
        archive.writestr("pip-1.0.dist-info/METADATA", "Name: pip\nVersion: 1.0\n")
    return str(path)


def test_only_bytecode_can_be_added(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "cache", wheel(tmp_path))

    assert folder is not None
    writable = {path for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o200}
    assert writable == {folder / "pip/__pycache__", folder / "pip/inner/__pycache__"}


def test_it_is_unpacked_once_for_each_content(tmp_path: Path) -> None:
    first = unpacked(tmp_path / "cache", wheel(tmp_path))
    again = unpacked(tmp_path / "cache", wheel(tmp_path))
    other = unpacked(tmp_path / "cache", wheel(tmp_path, "version = 2"))

    assert first == again != other
    assert {path.name for path in (tmp_path / "cache" / "pip").iterdir()} == {
        found.name for found in (first, other) if found
    }


def test_an_interpreter_without_a_wheel_has_none(tmp_path: Path) -> None:
    assert unpacked(tmp_path, "") is None


def test_a_damaged_wheel_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    damaged = tmp_path / "pip-1.0-py3-none-any.whl"
    damaged.write_bytes(b"no zip")

    with pytest.raises(BuildError, match=r"pip-1\.0-py3-none-any\.whl is damaged"):
        unpacked(tmp_path / "cache", str(damaged))

    assert not list((tmp_path / "cache" / "pip").iterdir())
