"""The ledger of each test, and the server of those that shut it down."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rq_agent.broker import urls

from ..left_running import end_programs
from ..servers import Servers
from .ledger import Ledger
from .servers import Server
from .service_rig import Rig, rig_on


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


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are shared by all tests of a process: building is tested elsewhere."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cached_home(home: Path, cache: Path) -> Path:
    """A home whose environments are built already."""
    (home / "home" / "cache").symlink_to(cache)
    return home


@pytest.fixture
async def rig(servers: Servers, cached_home: Path) -> AsyncIterator[Rig]:
    """Light tasks on a server that stays."""
    async with rig_on(urls.of_socket(servers.socket("valkey")), cached_home) as rig:
        yield rig


@pytest.fixture(autouse=True)
def nothing_runs_on(tmp_path: Path) -> Iterator[None]:
    """End the programs of workers that a test killed."""
    yield
    end_programs(tmp_path)
