"""A submitter who wants to know that a task can't get lost."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from rq_agent.broker import durability, keys
from rq_agent.broker.connection import connect
from rq_agent.broker.durability import Durability, Means, judge, parse
from rq_agent.broker.errors import AccessDenied, BrokerRefused, NotConfirmed, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Enqueued, EnqueueOutcome, NewTask

from ...conftest import NO_WHEEL
from ...scripts.steps import UPLOAD, add, new_task, state
from .launched import Launched

APPENDS = ("--appendonly", "yes", "--appendfsync", "everysec")
ON = {"aof_enabled": 1, "redis_version": "7.2.4"}
ONLINE = {"ip": "x", "state": "online"}


@pytest.fixture
async def alone(launched: Launched) -> AsyncIterator[Namespace]:
    """A Valkey with an append-only file and no replica."""
    async with connect(f"unix://{launched.on_socket('valkey', *APPENDS)}") as redis:
        yield await Namespace.open(redis, "lab")


async def login(ns: Namespace, *without: str) -> None:
    words = ("ACL", "SETUSER", "ann", "on", ">pw", "~*", "+@all", *without)
    await ns.redis.execute_command(*words)  # type: ignore[no-untyped-call]


def url_of(ns: Namespace) -> str:
    return f"unix://ann:pw@{ns.redis.connection_pool.connection_kwargs['path']}"


async def enqueue(ns: Namespace, wanted: str) -> tuple[NewTask, Enqueued]:
    wish, task = parse(wanted), new_task()
    assert wish is not None
    return task, await durability.enqueue(ns, task, UPLOAD, await durability.means(ns, wish))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("", None), ("stored", None), ("acked", Durability()), ("acked:2", Durability(2))],
)
def test_a_durability_is_read(text: str, wanted: Durability | None) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize("text", ["acked:", "acked:x", "acked:-1", "acked:9999", "ACKED", "disk"])
def test_another_durability_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="say stored, acked, or acked:2"):
        parse(text)


@pytest.mark.parametrize(
    ("said", "wanted", "found"),
    [
        (ON, Durability(), Means(disk=True, replicas=0)),
        (ON | {"slave0": ONLINE}, Durability(1), Means(disk=True, replicas=1)),
        (ON | {"slave0": {"state": "wait_bgsave"}}, Durability(), Means(disk=True, replicas=0)),
        (
            {"aof_enabled": 1, "redis_version": "7.0.15", "slave0": ONLINE, "slave1": ONLINE},
            Durability(),
            Means(disk=False, replicas=2),
        ),
    ],
)
def test_what_a_server_can_confirm_is_what_it_says(
    said: dict[str, Any], wanted: Durability, found: Means
) -> None:
    assert judge(said, wanted) == found


@pytest.mark.parametrize(
    ("said", "wanted", "words"),
    [
        ({}, Durability(), "keeps no append-only file"),
        ({"redis_version": "7.2.4", "aof_enabled": 0}, Durability(), "no append-only file"),
        (ON | {"slave0": ONLINE}, Durability(2), "replicas connected: 1, asked for: 2"),
        ({"aof_enabled": 1, "redis_version": "7.0.15"}, Durability(), "older than Redis 7.2"),
    ],
)
def test_a_server_that_can_confirm_too_little_is_refused(
    said: dict[str, Any], wanted: Durability, words: str
) -> None:
    with pytest.raises(BrokerRefused, match=f"nothing was submitted: .*{words}"):
        judge(said, wanted)


async def test_the_disk_has_a_task_when_enqueue_returns(
    alone: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "SYNC_S", 0)
    later = keys.globals_(alone.prefix), "confirmed_ms"
    for how, writes_later in (("always", False), ("everysec", True)):
        await alone.redis.config_set("appendfsync", how)
        with anyio.fail_after(20):
            task, enqueued = await enqueue(alone, "acked")

        assert enqueued.outcome is EnqueueOutcome.QUEUED
        assert await state(alone, task.id) == "queued"
        assert bool(await alone.redis.hexists(*later)) == writes_later
    calls = await alone.redis.info("commandstats")
    assert calls["cmdstat_waitaof"]["calls"] == 4  # each time: may it, and is it


async def test_a_server_that_never_syncs_is_refused_where_it_tells_so(alone: Namespace) -> None:
    await alone.redis.config_set("appendfsync", "no")

    with pytest.raises(BrokerRefused, match="CONFIG SET appendfsync everysec"):
        await enqueue(alone, "acked")

    assert await alone.redis.exists(keys.ids(alone.prefix)) == 0


async def test_a_disk_that_confirms_nothing_is_told_and_the_task_is_there(
    alone: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "WAIT_MS", 100)
    monkeypatch.setattr(durability, "SYNC_S", 0)
    await alone.redis.config_set("appendfsync", "no")  # which this login may not ask for
    await login(alone, "-config")
    async with connect(url_of(alone)) as redis:
        ns = await Namespace.open(redis, "lab")
        with pytest.raises(NotConfirmed, match="confirmed in time that it is on the disk") as told:
            await enqueue(ns, "acked")

    assert await state(alone, told.value.task_id) == "queued"


async def test_a_task_that_is_not_added_waits_for_nothing(alone: Namespace) -> None:
    await add(alone, unique="k")
    wish, task = Durability(), new_task(unique="k")

    sure = await durability.means(alone, wish)
    enqueued = await durability.enqueue(alone, task, UPLOAD, sure)

    assert enqueued.outcome is EnqueueOutcome.UNIQUE
    assert not await alone.redis.hexists(keys.globals_(alone.prefix), "confirmed_ms")


async def test_what_is_written_is_confirmed_on_the_connection_that_wrote_it(
    alone: Namespace,
) -> None:
    async with alone.on_one_connection() as writer:
        first = await writer.redis.client_id()
        await add(writer)
        assert await writer.redis.client_id() == first


@pytest.mark.parametrize("kind", ["redis", "valkey", pytest.param("redis62", marks=NO_WHEEL)])
async def test_a_replica_has_the_task_when_enqueue_returns(
    launched: Launched, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    primary = launched.on_port(kind, *APPENDS, "--repl-diskless-sync-delay", "0")
    replica = launched.on_port(kind, "--replicaof", "127.0.0.1", str(primary))
    async with (
        connect(f"redis://127.0.0.1:{primary}") as redis,
        connect(f"redis://127.0.0.1:{replica}") as copy,
    ):
        monkeypatch.setattr(durability, "SYNC_S", 0)
        ns = await Namespace.open(redis, "lab")
        with anyio.fail_after(20):
            while (await redis.info("replication")).get("slave0", {}).get("state") != "online":
                pass  # Redis has no event for it
            with pytest.raises(BrokerRefused, match="replicas connected: 1, asked for: 2"):
                await enqueue(ns, "acked:2")
            assert await redis.exists(keys.ids(ns.prefix)) == 0

            task, _ = await enqueue(ns, "acked:1")

            assert await state(await Namespace.open(copy, "lab"), task.id) == "queued"
            assert await durability.means(ns, Durability()) == Means(kind == "valkey", 1)


async def test_a_replica_that_hangs_is_told_and_the_task_is_there(
    launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "WAIT_MS", 100)
    primary = launched.on_port("redis", *APPENDS, "--repl-diskless-sync-delay", "0")
    replica = launched.on_port("redis", "--replicaof", "127.0.0.1", str(primary))
    async with connect(f"redis://127.0.0.1:{primary}") as redis:
        ns = await Namespace.open(redis, "lab")
        with anyio.fail_after(20):
            while (await redis.info("replication")).get("slave0", {}).get("state") != "online":
                pass
            os.kill(launched.processes[str(replica)].pid, signal.SIGSTOP)

            with pytest.raises(NotConfirmed, match=r"all replicas have it \(0 of 1 do\)") as told:
                await enqueue(ns, "acked")

        assert await state(ns, told.value.task_id) == "queued"


async def test_a_login_that_may_not_wait_is_told_before_anything_is_written(
    alone: Namespace,
) -> None:
    await login(alone, "-waitaof")
    async with connect(url_of(alone)) as redis:
        ns = await Namespace.open(redis, "lab")

        with pytest.raises(AccessDenied, match="does not let the user ann use WAITAOF"):
            await enqueue(ns, "acked")

    assert await alone.redis.exists(keys.ids(alone.prefix)) == 0
