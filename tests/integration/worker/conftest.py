"""The lab: one namespace on the embedded kind of server."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rq_agent.broker import urls

from ...leak_check import check_no_leaks
from ...left_running import end_programs
from ...servers import Servers
from .lab import Lab, open_lab
from .outage_stage import OpenLab
from .persistent import PersistentServer


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are shared by all tests of a process: building is tested elsewhere."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def lab(servers: Servers, cache: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    """A namespace of its own, a submitter that its workers trust."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(cache)
    url = urls.of_socket(servers.socket("valkey"))
    async with open_lab(url, f"t{secrets.token_hex(6)}", tmp_path) as lab:
        yield lab
        await check_no_leaks(lab.namespace)


@pytest.fixture
def server() -> Iterator[PersistentServer]:
    """A server of this test's own that can be killed and come back."""
    with PersistentServer() as server:
        yield server


@pytest.fixture
async def look(server: PersistentServer, cache: Path, tmp_path: Path) -> AsyncIterator[OpenLab]:
    """Open the lab on it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(cache)
    yield lambda: open_lab(server.url, "outage", tmp_path)
    async with open_lab(server.url, "outage", tmp_path) as lab:
        await check_no_leaks(lab.namespace)


@pytest.fixture(autouse=True)
def nothing_runs_on(tmp_path: Path) -> Iterator[None]:
    """End the programs of workers that a test killed."""
    yield
    end_programs(tmp_path)
