"""A primary that sentinels know, and another one after a failover."""

import contextlib
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import AccessDenied, BrokerUnavailable
from rq_agent.broker.greeting import Greeting
from rq_agent.broker.namespace import Namespace

from ...scripts.steps import add, claim, claim_one, state
from .launched import Launched

SERVICE = "mine"


def start_pair(launched: Launched) -> tuple[int, int]:
    """Start a primary and its replica; return their ports."""
    primary = launched.on_port("redis", "--repl-diskless-sync-delay", "0")
    replica = launched.on_port(
        "redis",
        *("--replicaof", "127.0.0.1", str(primary)),
        *("--repl-diskless-sync-delay", "0"),
    )
    return primary, replica


async def has_synced(replica: int) -> None:
    async with Redis(port=replica) as redis:
        while (await redis.info("replication"))["master_link_status"] != "up":
            pass  # Redis has no event for it


async def sees_replica(sentinel: int) -> None:
    async with Redis(port=sentinel) as redis:
        known: Any = {"num-slaves": 0}
        while known["num-slaves"] == 0:
            known = await redis.sentinel_master(SERVICE)


async def has_failed_over(sentinel: int, replica: int) -> None:
    async with Redis(port=sentinel) as redis:
        address: Any = ("", 0)
        while address[1] != replica:
            address = await redis.sentinel_get_master_addr_by_name(SERVICE)


async def test_work_goes_on_when_the_primary_dies(launched: Launched) -> None:
    primary, replica = start_pair(launched)
    sentinel = launched.sentinel(SERVICE, primary)
    restarts: list[str] = []
    greeting = Greeting(
        keys.prefix("lab"),
        lease_ms=60_000,
        beat_ms=5_000,
        on_restart=lambda: restarts.append("restarted"),
    )
    url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel}/{SERVICE}/0"

    with anyio.fail_after(30):
        await has_synced(replica)
        await sees_replica(sentinel)
        async with connect(url, greet=greeting.greet) as redis:
            ns = await Namespace.open(redis, "lab")
            (running, waiting) = await add(ns, 2)
            first = (await redis.info("server"))["run_id"]
            assert (await claim_one(ns)).task_id == running
            await redis.wait(1, 5_000)

            launched.processes[str(primary)].kill()
            await has_failed_over(sentinel, replica)

            held = None
            while held is None:  # the connection to the old primary breaks first
                with contextlib.suppress(BrokerUnavailable):
                    held = await claim(ns)
            assert (held.claims, held.hold_until_ms > held.server_ms) == ((), True)
            assert (await redis.info("server"))["run_id"] != first
            assert restarts == ["restarted"]
            assert await state(ns, running) == "running"
            await redis.hset(keys.globals_(ns.prefix), "hold_claims_until", 1)
            assert (await claim_one(ns)).task_id == waiting


async def test_what_sentinels_do_not_know_is_told(launched: Launched) -> None:
    primary = launched.on_port("redis")
    sentinel = launched.sentinel(SERVICE, primary)
    login = "ann:hunter2@"

    for place in (f"127.0.0.1:{sentinel}/other", f"127.0.0.1:1/{SERVICE}"):
        async with connect(f"redis+sentinel://{login}{place}") as redis:
            with pytest.raises(BrokerUnavailable, match="no sentinel that answers knows") as caught:
                await redis.ping()
        assert "hunter2" not in str(caught.value)


async def test_the_login_of_the_url_is_the_primarys(launched: Launched) -> None:
    primary = launched.on_port("redis", "--user", "ann", "on", ">pw", "~*", "+@all")
    sentinel = launched.sentinel(SERVICE, primary)
    place = f"127.0.0.1:{sentinel}/{SERVICE}"

    async with connect(f"redis+sentinel://ann:pw@{place}") as redis:
        assert await redis.execute_command("ACL", "WHOAMI") == b"ann"  # type: ignore[no-untyped-call]
    async with connect(f"redis+sentinel://ann:wrong@{place}") as redis:
        with pytest.raises(AccessDenied, match="refused the user name or the password"):
            await redis.ping()


async def test_sentinels_have_a_login_of_their_own(launched: Launched) -> None:
    primary = launched.on_port("redis")
    sentinel = launched.sentinel(SERVICE, primary, "requirepass sp")
    url = f"redis+sentinel://127.0.0.1:{sentinel}/{SERVICE}"

    async with connect(f"{url}?sentinel_password=sp") as redis:
        assert await redis.ping()
    async with connect(url) as redis:
        with pytest.raises(BrokerUnavailable, match="sentinel"):
            await redis.ping()


async def test_what_a_sentinel_refuses_is_not_called_the_primarys(launched: Launched) -> None:
    primary = launched.on_port("redis")
    sentinel = launched.sentinel(SERVICE, primary, "user default on nopass -@all +ping")

    async with connect(f"redis+sentinel://ann:pw@127.0.0.1:{sentinel}/{SERVICE}") as redis:
        with pytest.raises(BrokerUnavailable, match="a sentinel says: ") as caught:
            await redis.ping()

    assert not isinstance(caught.value, AccessDenied)
