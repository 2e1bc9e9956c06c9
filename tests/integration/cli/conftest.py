"""A terminal for each test."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace

from ...servers import Servers
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


@pytest.fixture
async def lab(servers: Servers, terminal: Terminal) -> AsyncIterator[Namespace]:
    """A namespace on a real server that the terminal speaks to; tests make its tasks themselves."""
    socket = servers.socket("valkey")
    name = f"t{secrets.token_hex(6)}"
    terminal.environ |= {"RQ_AGENT_REDIS_URL": f"unix://{socket}", "RQ_AGENT_NAMESPACE": name}
    async with connect(f"unix://{socket}") as redis:
        yield await Namespace.open(redis, name)
