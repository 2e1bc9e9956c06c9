"""The lab: one namespace on the embedded kind of server."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.home import below
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.trust import TrustFile

from ...leak_check import check_no_leaks
from ...servers import Servers
from .lab import Lab


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are shared by all tests of a process: building is tested elsewhere."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def lab(servers: Servers, cache: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    """A namespace of its own, a submitter that its workers trust."""
    home = below(tmp_path / "home")
    (tmp_path / "home").mkdir()
    home.cache.symlink_to(cache)
    pair = KeyPair.load_or_create(home.config / "keys", "ada@lab")
    TrustFile(home.config / "trust.json").add(pair.public, pair.name, ["*"])
    url = urls.of_socket(servers.socket("valkey"))
    folder = tmp_path / "code"
    folder.mkdir()
    async with connect(url) as redis, blocking_connection(url) as blocking:
        name = f"t{secrets.token_hex(6)}"
        namespace = await Namespace.open(redis, name)
        yield Lab(namespace, await Namespace.open(blocking, name), home, pair, folder)
        await check_no_leaks(namespace)
