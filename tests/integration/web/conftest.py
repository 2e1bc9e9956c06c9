"""A namespace on a real server, a dashboard that shows it, and a page that is logged in."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace

from ...leak_check import check_no_leaks
from ...servers import Servers
from .dashboard import Dashboard, serving


@pytest.fixture
def url(servers: Servers) -> str:
    return urls.of_socket(servers.socket("valkey"))


@pytest.fixture
async def ns(url: str) -> AsyncIterator[Namespace]:
    async with connect(url) as redis:
        opened = await Namespace.open(redis, f"t{secrets.token_hex(6)}")
        yield opened
        await check_no_leaks(opened)


@pytest.fixture
def dashboard(url: str, ns: Namespace, tmp_path: Path) -> Iterator[Dashboard]:
    with serving(url, ns.name, tmp_path) as dashboard:
        yield dashboard


@pytest.fixture
async def page(dashboard: Dashboard) -> AsyncIterator[httpx2.AsyncClient]:
    async with dashboard.page() as page:
        yield page
