"""A small project with tasks, and clients on a server."""

import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from types import ModuleType

import pytest

from rq_agent import Client

from ...leak_check import check_no_leaks
from ...servers import Servers

SHOP = """
from dataclasses import dataclass
from rq_agent import task

@dataclass
class Order:
    item: str
    count: int = 1

@task
async def add(a: int, b: int = 1) -> int:
    return a + b

@task(queue="mail", retries=2)
def double(order: Order) -> Order:
    return Order(order.item, 2 * order.count)

async def plain(n: int) -> str:
    return str(n)

@task(retries=2)
def fail(problem: str) -> None:
    print("before it fails")
    raise ValueError(problem)

@task
async def twice(n: int) -> int:
    return await (await add.submit(n, n)).result()
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a project with the module `shop_of_tests`, which can be imported."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop_of_tests.py").write_text(SHOP)
    (folder / "requirements.txt").write_text("")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture
def shop(project: Path) -> ModuleType:
    """The module."""
    return importlib.import_module("shop_of_tests")


@pytest.fixture
def url(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a server; keys and settings of the user are new ones."""
    monkeypatch.setenv("RQ_AGENT_HOME", str(tmp_path / "home"))
    return f"unix://{servers.socket('redis')}"


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    """An open client in a namespace of its own; what the test leaves in it is checked."""
    async with Client(url, f"t{token_hex(6)}") as opened:
        yield opened
        await check_no_leaks(opened._link.namespace)
