"""A full Redis refuses new tasks and can be drained. Only real servers have a limit."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rq_agent.broker.claims import FinishCode, RecreateCode
from rq_agent.broker.draining import Draining
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_removal import QueueRemoval
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.states import Phase
from rq_agent.broker.tasks import CancelOutcome, Tasks
from rq_agent.broker.ticks import Ticks

from ..conftest import NO_WHEEL
from ..servers import Servers
from .steps import (
    CPU,
    DIGEST,
    LEASE_MS,
    UPLOAD,
    add,
    beat,
    claim,
    claim_one,
    expire_lease,
    finish,
    state,
    tick,
)


@pytest.fixture(params=["redis", "valkey", pytest.param("redis62", marks=NO_WHEEL)])
async def redis(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Redis]:
    """A server of its own: its limit must not reach other tests."""
    client = Redis(unix_socket_path=str(servers.socket(request.param, name="-full")))
    yield client
    await client.config_set("maxmemory", 0)
    await client.aclose()


async def test_a_full_redis_refuses_new_tasks_and_is_drained(
    redis: Redis, namespace: Namespace
) -> None:
    ids = await add(namespace, 5)
    lost = await claim_one(namespace)
    await expire_lease(namespace, lost.task_id)
    await redis.config_set("maxmemory", 1)

    with pytest.raises(ResponseError, match=r"OOM\b|used memory"):
        await add(namespace)

    await Ticks(namespace).hello("run1", lease_ms=LEASE_MS, beat_ms=5_000)
    assert (await tick(namespace)).reaped == 1
    first, second, third = (await claim(namespace, limit=3)).claims
    assert first.task_id == lost.task_id
    assert await Leases(namespace).phase(first, Phase.RUNNING) == FinishCode.APPLIED
    assert (await beat(namespace, first, second, third)).lost == ()
    assert await finish(namespace, first, "succeeded", reason="x" * 100) == FinishCode.APPLIED
    assert await finish(namespace, second, "release") == FinishCode.APPLIED
    assert await Tasks(namespace).cancel(third.task_id) == CancelOutcome.REQUESTED
    assert await Tasks(namespace).cancel(ids[4]) == CancelOutcome.CANCELLED
    assert await state(namespace, first.task_id) == "succeeded"
    forgotten = msgspec.structs.replace(third, task_id=TaskId("forgotten"))
    known = Recreation(claim=forgotten, need=CPU, definition=UPLOAD[DIGEST])
    assert await Leases(namespace).recreate("w", known, lease_ms=LEASE_MS) == RecreateCode.MADE
    assert (await claim(namespace, "empty", park=True)).parked
    assert await Draining(namespace).drain("w")
    assert await Draining(namespace).undrain("w")
    assert await Draining(namespace).pause("w")
    assert await Draining(namespace).resume("w")
    assert await Draining(namespace).restart("w")
    await Leases(namespace).rest("w")


async def test_queues_of_a_full_redis_are_held_back_opened_and_emptied(
    redis: Redis, namespace: Namespace
) -> None:
    ids = await add(namespace, 3)
    queues = QueueSettings(namespace)
    await redis.config_set("maxmemory", 1)

    assert await queues.pause("q")
    assert await queues.resume("q")
    assert await queues.limit("q", 1)
    assert [count async for count in QueueRemoval(namespace).purge("q")] == [3]
    await QueueRemoval(namespace).delete("q")

    assert [await state(namespace, i) for i in ids] == ["cancelled"] * 3
