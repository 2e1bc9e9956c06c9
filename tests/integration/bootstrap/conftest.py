"""A working directory for scripts, and the bootstrap in a cache that all tests share."""

from pathlib import Path

import pytest

from .folder import Folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Folder:
    return Folder(tmp_path, cache)
