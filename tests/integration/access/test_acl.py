"""What the users of deploy/redis/users.acl may do, and what they may not, on real servers."""

import hashlib
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.connection import connect
from rq_agent.broker.draining import Draining
from rq_agent.broker.errors import AccessDenied
from rq_agent.broker.events import Events
from rq_agent.broker.history import history
from rq_agent.broker.leases import Leases
from rq_agent.broker.listing import Filters
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Inbox, Workers
from rq_agent.broker.roles import ROLES
from rq_agent.broker.server_facts import check_server
from rq_agent.broker.states import Phase, TaskState
from rq_agent.broker.statistics import Statistics
from rq_agent.broker.tasks import CancelOutcome, Tasks
from rq_agent.broker.worker_connections import worker_connections

from ...scripts.steps import add, beat, claim, claim_one, finish, line, messages, tick
from .guarded import NAME, Guarded, password

CONTENT: Final = b"code"
DIGEST: Final = hashlib.sha256(CONTENT).hexdigest()

ONLY_ADMIN: Final = (
    *("FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "SWAPDB 0 1"),
    *("CONFIG GET requirepass", "CONFIG SET timeout 1", "CONFIG REWRITE", "CONFIG RESETSTAT"),
    *("ACL LIST", "ACL SETUSER viewer +@all", "ACL WHOAMI", "ACL GETUSER admin", "ACL LOG"),
    *("DEBUG SLEEP 0", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE", "BGREWRITEAOF", "LASTSAVE"),
    *("CLIENT LIST", "CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "MONITOR", "SLOWLOG GET"),
    *("SCRIPT FLUSH", "SCRIPT KILL", "REPLICAOF NO ONE", "FAILOVER", "MODULE LIST"),
    *("LATENCY RESET", "MEMORY DOCTOR", "PUBLISH rqa:{lab}:m x", "SUBSCRIBE rqa:{lab}:m"),
    *("COMMAND", "CLUSTER INFO"),
)
ON_OWN_KEYS: Final = (
    *("RENAME K{}1 K{}2", "COPY K{}1 K{}2", "DUMP K{}", "RESTORE K{} 0 x", "MOVE K{} 1"),
    *("SORT K{}", "MIGRATE 127.0.0.1 1 K{} 0 1", "OBJECT ENCODING K{}", "PFADD K{} x"),
    *("SETBIT K{} 1 1", "GEOADD K{} 1 1 x", "BLPOP K{} 1", "XGROUP CREATE K{} g 0"),
)
WRITES: Final = (
    *("SET K{} x", "DEL K{}", "UNLINK K{}", "HSET K{} f v", "HDEL K{} f", "ZADD K{} 1 m"),
    *("ZREM K{} m", "SADD K{} m", "SREM K{} m", "LPUSH K{} x", "RPUSH K{} x", "LTRIM K{} 0 0"),
    *("XADD K{} * f v", "XTRIM K{} MAXLEN 0", "XDEL K{} 0", "PEXPIRE K{} 1", "PERSIST K{}"),
    *("MSET K{} x", "GETSET K{} x", "GETDEL K{}", "GETEX K{} PERSIST", "INCR K{}", "SPOP K{}"),
)


async def allowed_of(
    redis: Redis, commands: tuple[str, ...], user: str, key: str = ""
) -> list[str]:
    """Return the commands that are not refused, or whose refusal does not name the user."""
    allowed = []
    for command in commands:
        try:
            words = command.replace("K{}", key).split(" ")
            await redis.execute_command(*words)  # type: ignore[no-untyped-call]
            allowed.append(command)
        except ResponseError as e:
            if not command.startswith("DEBUG"):  # which is off altogether since 7.0
                allowed.append(f"{command}: {e}")
        except AccessDenied as e:
            if f"does not let the user {user} use " not in str(e) or "hunter2" in str(e):
                allowed.append(f"{command}: {e}")
    return allowed


async def test_a_submitter_submits_looks_and_cancels(guarded: Guarded) -> None:
    async with guarded.opened("submitter") as ns:
        assert (await check_server(ns.redis)).product in ("redis", "valkey")
        await Blobs(ns).put(DIGEST, CONTENT)
        await add(ns, 450)
        (task_id,) = await add(ns, name="n", user="ann", labels={"a": "b"})

        assert await Lookups(ns).resolve("last", user="ann") == task_id
        assert await Lookups(ns).resolve(task_id[:-1]) == task_id
        page = await Lookups(ns).list(Filters(user="ann", label="a=b"), limit=5)
        assert [record.id for record in page.records] == [task_id]
        assert await Tasks(ns).cancel(task_id) is CancelOutcome.CANCELLED
        assert len(await line(ns)) == 450
        assert not await Draining(ns).drain("nobody")


async def test_a_worker_lives_its_life(guarded: Guarded) -> None:
    async with guarded.opened("submitter") as ns:
        ids = await add(ns, 3)
    opening = worker_connections(
        guarded.url("worker"),
        NAME,
        lease_ms=60_000,
        beat_ms=5_000,
        block_ms=50,
        on_restart=lambda: None,
        warn=lambda text: None,
    )

    async with opening as (ns, blocking):
        inbox = Inbox(blocking, "w")
        await inbox.start()
        mine = await claim_one(ns)
        assert await Leases(ns).phase(mine, Phase.RUNNING) is FinishCode.APPLIED
        assert await Leases(ns).used(mine, {"lr": "1"}) is FinishCode.APPLIED
        assert await Logs(ns).append(mine, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
        assert not (await beat(ns, mine)).lost
        assert await finish(ns, mine, "succeeded") is FinishCode.APPLIED
        other = await claim_one(ns)
        assert await finish(ns, other, "release") is FinishCode.APPLIED
        assert len((await claim(ns, limit=9)).claims) == 2
        assert (await claim(ns, park=True)).parked
        await tick(ns)
        await Workers(ns).live()
        async with guarded.opened("submitter") as submitter:
            await add(submitter)
        assert [message["c"] for message in await inbox.next(block_ms=1_000)] == ["wake"]
        await Workers(ns).leave("w")

    assert mine.task_id == ids[0]


async def test_a_viewer_sees_everything(guarded: Guarded) -> None:
    async with guarded.opened("worker") as ns:
        (task_id,) = await add(ns, labels={"a": "b"})
        mine = await claim_one(ns)
        await Logs(ns).append(mine, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
        await beat(ns, mine)
        await Blobs(ns).put(DIGEST, CONTENT)

    async with guarded.opened("viewer") as ns:
        assert (await Lookups(ns).record(task_id)).worker == "w"
        assert await Lookups(ns).resolve(task_id[:-1]) == task_id
        for filters in (Filters(), Filters(label="a=b"), Filters(states=[TaskState.RUNNING])):
            page = await Lookups(ns).list(filters)
            assert [record.id for record in page.records] == [task_id]
        assert [queue.name for queue in await Lookups(ns).queues()] == ["q"]
        assert [worker.name for worker in await Workers(ns).live()] == ["w"]
        entries, _ = await Logs(ns).read(task_id, mine.fence)
        assert [entry.data for entry in entries] == [b"hi"]
        assert [event.event for event in await Events(ns).read()] == ["enqueued", "claimed"]
        assert [step.event for step in await history(ns, task_id)] == ["enqueued", "claimed"]
        assert await Blobs(ns).get(DIGEST, size_bytes=4) == CONTENT
        assert await messages(ns) == []
        assert (await Lookups(ns).why(task_id)).id == task_id
        assert (await Statistics(ns).latest(["q"], 1))["q"] is not None


async def test_a_viewer_changes_nothing(guarded: Guarded) -> None:
    async with guarded.opened("worker") as ns:
        (task_id, _) = await add(ns, 2)
        mine = await claim_one(ns)
    before = await guarded.content()

    async with guarded.opened("viewer") as ns:
        for attempt in (
            add(ns),
            claim(ns),
            beat(ns, mine),
            finish(ns, mine, "succeeded"),
            tick(ns),
            Tasks(ns).cancel(task_id),
            Draining(ns).drain("w"),
            Blobs(ns).put(DIGEST, CONTENT),
        ):
            with pytest.raises(AccessDenied, match="does not let the user viewer use"):
                await attempt
        assert await allowed_of(ns.redis, WRITES, "viewer", keys.task(ns.prefix, task_id)) == []

    assert await guarded.content() == before


@pytest.mark.parametrize("user", ROLES)
async def test_what_concerns_the_whole_server_is_the_admins(guarded: Guarded, user: str) -> None:
    async with guarded.opened(user) as ns:
        assert await allowed_of(ns.redis, ONLY_ADMIN, user) == []
        assert await allowed_of(ns.redis, ON_OWN_KEYS, user, f"{ns.prefix}k") == []
        assert await ns.redis.ping()


@pytest.mark.parametrize("user", ROLES)
async def test_other_namespaces_are_out_of_reach(guarded: Guarded, user: str) -> None:
    async with guarded.opened("admin", "other") as ns:
        (foreign,) = await add(ns)
    before = await guarded.content()
    script = "return redis.call('HGETALL', 'rqa:{other}:' .. 'x')"

    async with guarded.opened(user, "other") as ns:
        with pytest.raises(AccessDenied, match=f"the user {user} use .* its own namespace"):
            await add(ns)
        for key in (keys.task(ns.prefix, foreign), "plain", "rqa:{lab}", "rqa:{labs}:x"):
            for command in ("GET K{}", "HGETALL K{}", "EXISTS K{}", "XREAD STREAMS K{} 0"):
                assert await allowed_of(ns.redis, (command,), user, key) == []
        undeclared = await ns.redis.script_load(script)
        with pytest.raises(AccessDenied, match=f"the user {user} use this key with what a script"):
            await ns.redis.evalsha(undeclared, 1, f"rqa:{{{NAME}}}:")

    assert await guarded.content() == before


async def test_the_admin_may_everything(guarded: Guarded) -> None:
    async with guarded.opened("admin") as ns:
        await add(ns)
        mine = await claim_one(ns)
        assert await finish(ns, mine, "succeeded") is FinishCode.APPLIED
        assert await ns.redis.config_get("timeout") == {"timeout": "0"}
        assert (await ns.redis.acl_whoami()) == "admin"
        await ns.redis.flushall()

    assert await guarded.content() == {}


async def test_nobody_gets_in_without_a_login(guarded: Guarded) -> None:
    async with connect(guarded.url("")) as redis:
        with pytest.raises(AccessDenied, match="asks for a password"):
            await redis.ping()


async def test_a_wrong_password_is_refused_and_not_shown(guarded: Guarded) -> None:
    url = guarded.url("viewer").replace("of%20viewer", "of%20admin")

    async with connect(url) as redis:
        with pytest.raises(AccessDenied, match="refused the user name or the password") as caught:
            await redis.ping()

    assert "hunter2" not in str(caught.value)
    assert password("viewer") not in str(caught.value)


async def test_who_submits_can_write_records_past_the_scripts(guarded: Guarded) -> None:
    """Rights separate no submitter from a worker, signatures do; see deploy/redis/README.md."""
    async with guarded.opened("submitter") as ns:
        (task_id,) = await add(ns)

        await ns.redis.hset(keys.task(ns.prefix, task_id), "state", "succeeded")

        assert (await Lookups(ns).record(task_id)).state == TaskState.SUCCEEDED


PROTECTED: Final = "rqa:{lab}:!cmd:w"
IN_A_SCRIPT: Final = "return redis.call(ARGV[1], KEYS[1] .. ARGV[2], unpack(ARGV, 3))"


async def in_a_script(ns: Namespace, key: str, command: str, *arguments: str) -> object:
    """Send a command with a key that is not declared, as our scripts do."""
    sha = await ns.redis.script_load(IN_A_SCRIPT)
    name = key.removeprefix(ns.prefix)
    return await ns.redis.evalsha(sha, 1, ns.prefix, command, name, *arguments)


@pytest.mark.parametrize("user", ["submitter", "viewer"])
async def test_protected_keys_are_out_of_reach(guarded: Guarded, user: str) -> None:
    async with guarded.opened("admin") as ns:
        await ns.redis.set(PROTECTED, "drain")
        await ns.redis.set(f"{ns.prefix}k!", "x")
    before = await guarded.content()

    async with guarded.opened(user) as ns:
        for command in ("GET K{}", "EXISTS K{}", "TYPE K{}", "XREAD STREAMS K{} 0", *WRITES):
            for key in (PROTECTED, f"{ns.prefix}!"):
                assert await allowed_of(ns.redis, (command,), user, key) == []
        for attempt in (("GET",), ("SET", "stop"), ("DEL",), ("XADD", "*", "f", "v")):
            with pytest.raises(AccessDenied, match=f"does not let the user {user} use"):
                await in_a_script(ns, PROTECTED, *attempt)
        with pytest.raises(AccessDenied):
            await ns.redis.evalsha(await ns.redis.script_load("return 1"), 1, PROTECTED)
        assert await ns.redis.get(f"{ns.prefix}k!") == b"x"
        assert await in_a_script(ns, f"{ns.prefix}k!", "GET") == b"x"

    assert await guarded.content() == before


@pytest.mark.parametrize("user", ["worker", "operator"])
async def test_workers_and_operators_reach_protected_keys(guarded: Guarded, user: str) -> None:
    async with guarded.opened(user) as ns:
        await ns.redis.set(PROTECTED, "drain")
        assert await in_a_script(ns, PROTECTED, "GET") == b"drain"
        await in_a_script(ns, PROTECTED, "DEL")

        assert await ns.redis.get(PROTECTED) is None
