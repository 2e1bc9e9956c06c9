"""The loop of a scheduler on a real server."""

import logging
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.firing import Firing
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.trust import TrustFileError
from rq_agent.broker.urls import of_socket
from rq_agent.scheduler.cron import EVERY_MS, fire_due, fire_forever
from tests.looking import look_again

from ..scripts import steps
from ..scripts.timetable import add, come_due, firing, next_ms, someone, stored, told
from ..servers import Servers
from .worker.persistent import PersistentServer


@pytest.fixture
async def namespace(servers: Servers) -> AsyncIterator[Namespace]:
    """A namespace whose client speaks our errors."""
    async with connect(of_socket(servers.socket("redis"))) as redis:
        yield await Namespace.open(redis, f"t{secrets.token_hex(6)}")


async def once(ns: Namespace, scheduler: Firing) -> int:
    return await fire_due(scheduler, Schedules(ns))


async def test_what_is_due_fires_and_the_rest_is_waited_for(
    namespace: Namespace, tmp_path: Path
) -> None:
    pair = someone(tmp_path)
    for name in ("a", "b", "c"):
        await add(namespace, pair, name)
    await come_due(namespace, "a")
    await come_due(namespace, "b")
    soon_ms = await come_due(namespace, "c", late_ms=-400)

    wait_ms = await once(namespace, firing(namespace, tmp_path))

    assert 0 < wait_ms <= 400
    assert len(await steps.line(namespace)) == 2
    assert await next_ms(namespace, "c") == soon_ms
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"c": soon_ms + 10**9})
    assert await once(namespace, firing(namespace, tmp_path)) == EVERY_MS


async def test_a_schedule_that_can_t_fire_is_paused_and_the_others_fire(
    namespace: Namespace, tmp_path: Path
) -> None:
    pair, p = someone(tmp_path), namespace.prefix
    for name in ("broken", "forged", "good", "list", "no-definition", "no-revision"):
        await add(namespace, pair, name)
        await come_due(namespace, name)
    await come_due(namespace, "ghost")
    await namespace.redis.hset(keys.schedule(p, "broken"), "zone", "Mars")
    await namespace.redis.hset(keys.schedule(p, "forged"), "template", b"mine")
    await namespace.redis.delete(keys.schedule(p, "list"))
    await namespace.redis.rpush(keys.schedule(p, "list"), "mine")
    await namespace.redis.hdel(keys.schedule(p, "no-revision"), "revision")

    await once(namespace, firing(namespace, tmp_path))

    found = {s.name: (s.paused, s.reason) for s in await Schedules(namespace).list()}
    assert found.pop("good") == (False, "")
    assert found.pop("no-definition") == (False, "")
    assert {is_paused for is_paused, _ in found.values()} == {True}
    assert sorted(found) == ["broken", "forged", "list", "no-revision"]
    assert "time zone 'Mars' is not known" in found["broken"][1]
    assert "its template is not signed" in found["forged"][1]
    assert len(await steps.line(namespace)) == 2
    assert (await told(namespace)).count("schedule_paused") == 4
    assert "ghost" in await told(namespace)
    assert (await firing(namespace, tmp_path).due()).due == []


async def test_a_schedule_whose_definition_is_gone_is_paused(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await come_due(namespace)
    await namespace.redis.delete(keys.definition(namespace.prefix, steps.DIGEST))

    await once(namespace, firing(namespace, tmp_path))

    assert (await stored(namespace))["reason"] == "its definition is gone; add it again"
    assert await steps.line(namespace) == []


async def test_a_damaged_queue_keeps_only_its_own_schedules_back(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path), "a", task={"queue": "damaged"})
    await add(namespace, someone(tmp_path), "b")
    due_ms = await come_due(namespace, "a", late_ms=10)
    await come_due(namespace, "b")
    await namespace.redis.set(keys.queue(namespace.prefix, "damaged"), "mine")

    with pytest.raises(BrokerUnavailable, match="holds something else"):
        await once(namespace, firing(namespace, tmp_path))

    assert len(await steps.line(namespace)) == 1
    assert await next_ms(namespace, "a") == due_ms


async def test_many_schedulers_at_once_fire_each_time_once(
    namespace: Namespace, tmp_path: Path
) -> None:
    names = [f"s{n}" for n in range(20)]
    for name in names:
        await add(namespace, someone(tmp_path), name)
        await come_due(namespace, name)
    schedulers = [firing(namespace, tmp_path) for _ in range(5)]

    async with anyio.create_task_group() as tg:
        for scheduler in schedulers:
            tg.start_soon(once, namespace, scheduler)

    assert len(await steps.line(namespace)) == 20
    assert [(await stored(namespace, name))["fired"] for name in names] == ["1"] * 20


async def test_a_broken_trust_file_pauses_nothing(namespace: Namespace, tmp_path: Path) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    (tmp_path / "trust.json").write_text("{")

    with pytest.raises(TrustFileError):
        await once(namespace, scheduler)

    assert await next_ms(namespace) == due_ms


async def test_the_loop_outlives_a_server_that_is_killed_and_fires_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with PersistentServer() as server:
        async with connect(server.url) as redis:
            ns = await Namespace.open(redis, "t")
            await add(ns, someone(tmp_path))
            server.kill()
            async with anyio.create_task_group() as tg:
                with caplog.at_level(logging.WARNING):
                    tg.start_soon(fire_forever, firing(ns, tmp_path), Schedules(ns))
                    with anyio.fail_after(30):
                        while "cron: cannot reach redis" not in caplog.text:
                            await look_again()
                await anyio.to_thread.run_sync(server.start)
                await come_due(ns)
                with anyio.fail_after(30):
                    while not await steps.line(ns):
                        await look_again()
                tg.cancel_scope.cancel()

            assert len(await steps.line(ns)) == 1
            assert (await stored(ns))["fired"] == "1"
