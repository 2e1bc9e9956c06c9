"""The ledger of each test, and the server of those that shut it down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..left_running import end_programs
from .ledger import Ledger
from .servers import Server


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty one."""
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where workers and submitters of one test live."""
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture
def server() -> Iterator[Server]:
    """One that has a port too, and can be killed."""
    with Server(port=True) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_runs_on(tmp_path: Path) -> Iterator[None]:
    """End the programs of workers that a test killed."""
    yield
    end_programs(tmp_path)
