"""A dashboard that logged in as somebody who may only look shows everything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.roles import rules

from ...scripts.steps import add, beat, running
from ...servers import Servers
from .dashboard import following, get, serving


@pytest.fixture
async def guarded(servers: Servers) -> AsyncIterator[tuple[Namespace, str]]:
    """A namespace, and the URL of a viewer of it."""
    path = servers.socket("redis", name="viewer")
    async with Redis(unix_socket_path=str(path)) as redis:
        words = ["on", ">s3cret", *rules("viewer", "lab")]
        server: Any = redis
        await server.execute_command("ACL", "SETUSER", "viewer-eve", *words)
        yield await Namespace.open(redis, "lab"), f"unix://viewer-eve:s3cret@{path}"


async def test_who_may_only_look_sees_everything(
    guarded: tuple[Namespace, str], tmp_path: Path
) -> None:
    ns, url = guarded
    claim = await running(ns, worker="w1", queue="a")
    await Logs(ns).append(claim, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
    await beat(ns, claim, worker="w1", facts={"queues": '["a"]'})
    [waiting] = await add(ns, queue="a")

    with serving(url, "lab", tmp_path) as dashboard:
        async with dashboard.page() as page:
            for path in (
                "/overview",
                "/queues",
                "/queues/a",
                "/workers",
                "/workers/w1",
                "/tasks",
                "/tasks?state=running&queue=a&label=x",
                f"/tasks/{waiting}",
                f"/tasks/{claim.task_id}",
                f"/tasks/{claim.task_id}/log",
            ):
                await get(page, path)
            async with following(page, "/events") as events:
                await events.next("hello")
                await add(ns, queue="a")
                await events.next("tasks")
            async with following(page, f"/tasks/{claim.task_id}/log/stream") as stream:
                await stream.next("output")
        refused = str(await ns.redis.acl_log())

    assert "viewer-eve" not in refused
