"""Fixtures about environments."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rq_agent.worker.environment import tree
from rq_agent.worker.environment.cache import Environments

from .packages import Packages


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    folder = tmp_path / "packages"
    folder.mkdir()
    return Packages(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder that pytest can remove later, although what is in it is read-only."""
    folder = tmp_path / "cache"
    yield folder
    tree.remove(folder)


@pytest.fixture
def environments(cache: Path) -> Environments:
    return Environments(cache)


@pytest.fixture
def fingerprint() -> Callable[[Path], str]:
    """Return what changes when any file, mode or link below a folder does."""

    def of(folder: Path) -> str:
        digest = hashlib.sha256()
        for parent, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted([*folders, *files]):
                path = Path(parent, name)
                digest.update(f"{path}{path.lstat().st_mode}".encode())
                if path.is_symlink():
                    digest.update(os.fsencode(path.readlink()))
                elif path.is_file():
                    digest.update(path.read_bytes())
        return digest.hexdigest()

    return of
