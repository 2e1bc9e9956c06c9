"""Fixtures for every test that needs Redis: each runs on four servers."""

import gc
import secrets
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from rq_agent.broker.namespace import Namespace

from .leak_check import check_no_leaks
from .servers import Servers, has_redis62


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect thousands of tests, all of which stay, without looking again and again for rubbish."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real servers, each started at first use, one of each kind per test process."""
    with Servers() as servers:
        yield servers


NO_WHEEL = pytest.mark.skipif(not has_redis62(), reason="no wheel with redis-server 6.2 here")


@pytest.fixture(
    params=["fakeredis", "redis", "valkey", pytest.param("redis62", marks=NO_WHEEL)],
)
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    """A client of each kind of server in turn."""
    if request.param == "fakeredis":
        fake = FakeAsyncRedis(
            server=FakeServer(server_type="redis", version=(7, 0)), driver_info=None
        )
        yield fake
        await fake.aclose()
        return
    servers: Servers = request.getfixturevalue("servers")
    # Without the client's version: for each client that would be read from its package.
    client = Redis(unix_socket_path=str(servers.socket(request.param)), driver_info=None)
    yield client
    await client.aclose()


@pytest.fixture
async def namespace(redis: Redis) -> AsyncIterator[Namespace]:
    """A namespace of its own; what the test leaves in it is checked at the end."""
    opened = await Namespace.open(redis, f"t{secrets.token_hex(6)}")
    yield opened
    await check_no_leaks(opened)
