"""A namespace lies in one slot: on a real cluster node every script finds all its keys there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerRefused, BrokerUnavailable, RqAgentError
from rq_agent.broker.listing import Filters
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Workers
from rq_agent.broker.scripts import Scripts
from rq_agent.broker.server_facts import check_server
from rq_agent.broker.tasks import CancelOutcome, Tasks

from ...leak_check import check_no_leaks
from ...scripts.steps import add, beat, claim, claim_one, finish, line, tick
from .launched import Launched

SLOT_OF = keys.prefix("lab")
FOREIGN = "return redis.call('GET', 'rqa:{other}:ids')"


@asynccontextmanager
async def one_slot(launched: Launched, kind: str) -> AsyncIterator[Redis]:
    """A node that has no slot but that of the namespace `lab`."""
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    port = launched.on_port(kind, *options)
    async with connect(f"redis://127.0.0.1:{port}") as client:
        redis: Any = client
        await redis.cluster("ADDSLOTS", await redis.cluster("KEYSLOT", SLOT_OF))
        with anyio.fail_after(10):
            while (await redis.cluster("INFO"))["cluster_state"] != "ok":
                pass  # Redis has no event for it
        yield client


async def test_a_namespace_works_on_the_node_that_has_its_slot(
    launched: Launched, kind: str
) -> None:
    async with one_slot(launched, kind) as redis:
        await check_server(redis)
        ns = await Namespace.open(redis, "lab")
        await whole_life(ns)
        await check_no_leaks(ns)
        assert await strayed(ns) == []

        # Else all this would show nothing:
        with pytest.raises(BrokerUnavailable, match="cluster"):
            await redis.get("rqa:{other}:ids")
        with pytest.raises(ResponseError, match="non local key"):
            await redis.eval(FOREIGN, 1, ns.prefix)


async def whole_life(ns: Namespace) -> None:
    ids = await add(ns, 450)
    (named,) = await add(ns, name="n", user="ann", labels={"a": "b"})
    mine = await claim_one(ns)
    await Logs(ns).append(mine, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
    assert not (await beat(ns, mine)).lost
    assert await finish(ns, mine, "succeeded") is FinishCode.APPLIED
    assert len((await claim(ns, worker="v", limit=3)).claims) == 3
    await tick(ns)
    assert await Tasks(ns).cancel(named) is CancelOutcome.CANCELLED
    page = await Lookups(ns).list(Filters(user="ann", label="a=b"), limit=5)
    assert [record.id for record in page.records] == [named]
    assert await line(ns) == ids[4:]
    assert [worker.name for worker in await Workers(ns).live()] == ["v", "w"]


async def strayed(ns: Namespace) -> list[str]:
    """Return what scripts say that look for a key elsewhere, whatever they are told."""
    (task_id,) = await add(ns)
    said = []
    for name in Scripts.__annotations__:
        try:
            await getattr(ns.scripts, name)([task_id, *["1"] * 7])
        except (ResponseError, RqAgentError) as e:
            said.append(f"{name}: {e}")
    return [words for words in said if "key" in words or "slot" in words]


async def test_a_cluster_has_one_database(launched: Launched) -> None:
    port = launched.on_port("redis", "--cluster-enabled", "yes")

    async with connect(f"redis://127.0.0.1:{port}/1") as redis:
        with pytest.raises(BrokerRefused, match="database"):
            await redis.ping()
