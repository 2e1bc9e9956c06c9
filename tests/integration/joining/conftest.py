"""A server with users for each test."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...servers import Servers, has_redis62
from ..access.launched import Launched
from .stage import LOCAL_PASSWORD, Stage, open_stage

_NO_WHEEL = pytest.mark.skipif(not has_redis62(), reason="no wheel with redis-server 6.2 here")
KINDS = ["redis", "valkey", pytest.param("redis62", marks=_NO_WHEEL)]


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    """The server that rq-agent brings along, alone."""
    async for each in _stage("valkey", tmp_path_factory, tmp_path):
        yield each


@pytest.fixture(params=KINDS)
async def any_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> AsyncIterator[Stage]:
    """Each kind of server in turn."""
    async for each in _stage(request.param, tmp_path_factory, tmp_path):
        yield each


async def _stage(kind: str, factory: pytest.TempPathFactory, folder: Path) -> AsyncIterator[Stage]:
    place = Servers()  # only for its short path
    with place, Launched(place.folder) as launched:
        digest = hashlib.sha256(LOCAL_PASSWORD.encode()).hexdigest()
        users = place.folder / "users.acl"
        users.write_text(f"user default off\nuser local on #{digest} ~* &* +@all\n")
        socket = launched.on_socket(kind, "--aclfile", str(users))
        (socket.parent / "users.acl").symlink_to(users)
        async with open_stage(socket, folder) as stage:
            yield stage
