"""Hosts that the tests of one file share, of both loops."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .driving import Driven


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Iterator[Driven]:
    """A coroutine host, once with the loop of asyncio and once with uvloop."""
    folder = tmp_path_factory.mktemp("host")
    variables = {}
    if request.param == "asyncio":
        (folder / "uvloop.py").write_text("raise ImportError('broken')\n")
        variables["PYTHONPATH"] = str(folder)
    driven = Driven(folder, cache, variables=variables)
    assert driven.report("ready")[2] == request.param
    yield driven
    driven.close()


@pytest.fixture
def alone(tmp_path: Path, cache: Path) -> Iterator[Driven]:
    """A coroutine host of one test, which may harm it."""
    driven = Driven(tmp_path, cache, lag_s=0.3)
    yield driven
    driven.close()
