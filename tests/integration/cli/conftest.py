"""A terminal for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .terminal import Terminal


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are shared by all tests of a process: building is tested elsewhere."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def terminal(tmp_path: Path, cache: Path) -> Iterator[Terminal]:
    """A person at a terminal, on a machine where nothing runs yet."""
    terminal = Terminal(tmp_path, cache)
    yield terminal
    terminal.close()
