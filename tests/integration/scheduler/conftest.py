"""A namespace on a real server, an archive beside it, and ended tasks."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace

from ...leak_check import check_no_leaks
from ...servers import Servers
from ..worker.persistent import PersistentServer


@pytest.fixture
def url(servers: Servers) -> str:
    return urls.of_socket(servers.socket("valkey"))


@pytest.fixture
async def ns(url: str) -> AsyncIterator[Namespace]:
    """A namespace of its own, with the client that the program uses."""
    async with connect(url) as redis:
        opened = await Namespace.open(redis, f"t{secrets.token_hex(6)}")
        yield opened
        await check_no_leaks(opened)


@pytest.fixture
def mortal() -> Iterator[PersistentServer]:
    """A server that a test may kill."""
    with PersistentServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive is."""
    return tmp_path / "archive"
