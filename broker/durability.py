"""How sure a submitter wants to be that a task outlives the machine that took it.

As a rule Redis answers before its append-only file is on the disk: at most a second of writes is
lost when its machine loses power, and what no replica has seen when one takes over. `acked` waits
until neither can happen to what was just written.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import anyio
import msgspec

from . import client_errors, keys
from .errors import AccessDenied, BrokerRefused, BrokerUnavailable, NotConfirmed, UsageError
from .namespace import Namespace
from .new_task import ADDED, DefinitionUpload, Enqueued, NewTask
from .server_facts import numbers
from .tasks import Tasks

STORED: Final = "stored"
WAIT_MS: Final = 5_000
"""For each of disk and replicas: below the time in which any answer has to come, above the second
between two writes to the disk."""
SYNC_S: Final = 1.2
"""So long after a write, a server that syncs every second has begun to: see _on_disk()."""
_ACKED: Final = re.compile(r"acked(?::([0-9]{1,3}))?", re.ASCII)
_KNOWS_WAITAOF: Final = (7, 2)


class Durability(msgspec.Struct, frozen=True):
    """Wait for the disk of the server, and for all replicas that it has."""

    replicas: int = 0
    """It must have at least so many."""


class Means(msgspec.Struct, frozen=True):
    """What a server can tell of what is safe."""

    disk: bool
    """It says when its own file is on the disk."""
    replicas: int
    """So many are there to say that they have it."""
    syncs_each: bool = False
    """Its disk has each write before it is answered."""


def parse(text: str) -> Durability | None:
    """Return what `acked` or `acked:2` asks for; None for `stored` and for nothing.

    Raises:
        UsageError: it is something else.
    """
    if text in ("", STORED):
        return None
    if (found := _ACKED.fullmatch(text)) is None:
        raise UsageError(f"durability {text!r}: say stored, acked, or acked:2 for two replicas")
    return Durability(int(found[1] or 0))


async def means(ns: Namespace, wanted: Durability) -> Means:
    """Return by what the server can confirm a write.

    Raises:
        AccessDenied: this login may not wait for it.
        BrokerRefused: it has no append-only file, too few replicas, or can confirm nothing.
    """
    said: Mapping[str, Any] = await ns.redis.info()
    found = judge(said, wanted)
    if found.disk:
        await ns.redis.waitaof(0, 0, 1)
    if found.replicas:
        await ns.redis.wait(0, 1)
    return msgspec.structs.replace(found, syncs_each=await _syncs_each(ns))


async def _syncs_each(ns: Namespace) -> bool:
    try:
        how = (await ns.redis.config_get("appendfsync")).get("appendfsync")
    except (AccessDenied, client_errors.ResponseError):
        return False  # not allowed, as for most logins: it takes longer, and is as sure
    if how == "no":
        raise BrokerRefused(
            "nothing was submitted: the operating system decides when the server's file reaches"
            " the disk, so it can't confirm that; CONFIG SET appendfsync everysec"
        )
    return how == "always"


def judge(said: Mapping[str, Any], wanted: Durability) -> Means:
    """Return what a server that says this in INFO can confirm; raise as `means`. Pure."""
    if str(said.get("aof_enabled", "0")) != "1":
        raise BrokerRefused(
            "nothing was submitted: the server keeps no append-only file, so it can't confirm that"
            " a task is on its disk; CONFIG SET appendonly yes"
        )
    replicas = sum(
        isinstance(value, dict) and value.get("state") == "online"
        for name, value in said.items()
        if name.startswith("slave")
    )
    if replicas < wanted.replicas:
        raise BrokerRefused(
            f"nothing was submitted: replicas connected: {replicas}, asked for: {wanted.replicas}"
        )
    disk = knows_waitaof(said)
    if not disk and not replicas:
        raise BrokerRefused(
            "nothing was submitted: a server older than Redis 7.2 can't tell what is on its disk,"
            " and it has no replica that could"
        )
    return Means(disk, replicas)


def knows_waitaof(said: Mapping[str, Any]) -> bool:
    """Return whether the server that says this in INFO knows WAITAOF. Pure."""
    return numbers(str(said.get("redis_version", "0"))) >= _KNOWS_WAITAOF


async def enqueue(
    ns: Namespace, task: NewTask, uploads: Mapping[str, DefinitionUpload], sure: Means | None
) -> Enqueued:
    """Add a task; where means are given, wait until it is safe.

    Raises:
        NotConfirmed: it was added, but nobody confirmed in time that it is.
    """
    if sure is None:
        return (await Tasks(ns).enqueue([task], uploads))[0]
    async with ns.on_one_connection() as writer:
        [enqueued] = await Tasks(writer).enqueue([task], uploads)
        if enqueued.outcome in ADDED and (problem := await lacking(writer, sure)):
            raise NotConfirmed(task.id, f"is enqueued, but nobody confirmed in time {problem}")
    return enqueued


async def lacking(ns: Namespace, found: Means) -> str:
    """Wait until what this connection wrote is safe; return what nobody confirmed, '' if all did.

    Args:
        ns: on the one connection that wrote.
        found: what the server can confirm.
    """
    try:
        return await _lacking(ns, found)
    except (BrokerUnavailable, client_errors.ResponseError) as e:  # it died, or became a replica
        return f"that it is safe: {e}"


async def _lacking(ns: Namespace, found: Means) -> str:
    missing = []
    if found.replicas:
        # Not WAITAOF: a replica without a file of its own still has what a failover needs.
        have = await ns.redis.wait(found.replicas, WAIT_MS)
        if have < found.replicas:
            missing.append(f"that all replicas have it ({have} of {found.replicas} do)")
    if found.disk and not await _on_disk(ns, found):
        missing.append("that it is on the disk of the server (with appendfsync no it never does)")
    return " and ".join(missing)


async def _on_disk(ns: Namespace, found: Means) -> bool:
    """Wait until what this connection wrote is on the disk; return whether it is.

    With appendfsync everysec Valkey (seen: 9.1) and Redis before its pull request 13793 confirm
    the last second's writes while no sync runs. A sync of ours has begun after that second; so a
    later write is confirmed only when that one is through, by a right server and by these.
    """
    if not found.syncs_each:
        await anyio.sleep(SYNC_S)
        await ns.redis.hset(keys.globals_(ns.prefix), "confirmed_ms", str(time.time_ns() // 10**6))
    local, _ = await ns.redis.waitaof(1, 0, WAIT_MS)
    return bool(local)
