"""The ledger of each test."""

from pathlib import Path

import pytest

from .ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty one."""
    return Ledger(tmp_path / "ledger")
