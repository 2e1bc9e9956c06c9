"""One environment for all hosts of a session, and a launcher for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rq_agent.worker.executors.venv import VenvExecutor

from . import rig


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def executor(cache: Path) -> AsyncIterator[VenvExecutor]:
    async with rig.executor(cache) as found:
        yield found
