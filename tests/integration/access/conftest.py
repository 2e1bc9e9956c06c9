"""Servers with users, and servers of one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ...servers import Servers, has_redis62
from .embedded import data_folder
from .guarded import Guarded
from .launched import Launched

_NO_WHEEL = pytest.mark.skipif(not has_redis62(), reason="no wheel with redis-server 6.2 here")
KINDS = ["redis", "valkey", pytest.param("redis62", marks=_NO_WHEEL)]


@pytest.fixture(params=KINDS)
async def guarded(request: pytest.FixtureRequest, servers: Servers) -> Guarded:
    """An empty server with the users of deploy/redis/."""
    server = Guarded(servers, request.param)
    async with Redis.from_url(server.url("admin")) as admin:
        await admin.flushall()
    return server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of real server in turn."""
    name: str = request.param
    return name


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    """Starts servers of this test's own and ends them with it."""
    with Launched(tmp_path) as servers:
        yield servers


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; its embedded server, if one runs at the end, is killed."""
    with data_folder(tmp_path / "data") as folder:
        yield folder
