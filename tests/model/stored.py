"""All that a namespace holds, read in three round trips; and put back as it was."""

from typing import Any

import msgspec
from redis.asyncio import Redis

from rq_agent.broker.namespace import Namespace

Stored = dict[str, Any]
"""Key without its prefix -> dict of a hash, members and scores of a sorted set, members of a set,
lines of a list, or text. Streams are left out."""


async def read(ns: Namespace) -> Stored:
    """Read all but the streams."""
    names = await _names(ns)
    pipe = ns.redis.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    kinds = await pipe.execute()
    found = [(n, k) for n, k in zip(names, kinds, strict=True) if k != b"stream"]
    pipe = ns.redis.pipeline(transaction=False)
    for name, kind in found:
        _ask(pipe, name, kind)
    values = await pipe.execute()
    start = len(ns.prefix)
    return {
        name.decode()[start:]: _plain(value, kind)
        for (name, kind), value in zip(found, values, strict=True)
    }


def _ask(pipe: Any, name: bytes, kind: bytes) -> None:
    match kind:
        case b"hash":
            pipe.hgetall(name)
        case b"zset":
            pipe.zrange(name, 0, -1, withscores=True)
        case b"set":
            pipe.smembers(name)
        case b"list":
            pipe.lrange(name, 0, -1)
        case _:
            pipe.get(name)


def _plain(value: Any, kind: bytes) -> Any:
    match kind:
        case b"hash":
            return {field.decode(): text.decode() for field, text in value.items()}
        case b"zset":
            return {member.decode(): score for member, score in value}
        case b"set":
            return {member.decode() for member in value}
        case b"list":
            return [line.decode() for line in value]
    return value


class Dump(msgspec.Struct, frozen=True):
    """Every key of a namespace as it was once, with what was left of its TTL (ms, 0: none)."""

    values: dict[bytes, tuple[int, bytes]]


async def dump(ns: Namespace) -> Dump:
    """Copy a namespace, as a server does that saves."""
    names = await _names(ns)
    pipe = ns.redis.pipeline(transaction=False)
    for name in names:
        pipe.pttl(name)
        pipe.dump(name)
    told = await pipe.execute()
    ttls, values = told[::2], told[1::2]
    return Dump(
        {n: (max(ttl, 0), v) for n, ttl, v in zip(names, ttls, values, strict=True) if v}
    )


async def restore(ns: Namespace, old: Dump) -> None:
    """Let the server come back as it was: all that happened since is gone."""
    await clear(ns)
    pipe = ns.redis.pipeline(transaction=False)
    for name, (ttl_ms, value) in old.values.items():
        pipe.restore(name, ttl_ms, value)
    await pipe.execute()


async def clear(ns: Namespace) -> None:
    """Remove every key of a namespace."""
    names = await _names(ns)
    if names:
        await ns.redis.delete(*names)


async def _names(ns: Namespace) -> list[bytes]:
    redis: Redis = ns.redis
    found = {name async for name in redis.scan_iter(match=f"{ns.prefix}*", count=10_000)}
    return sorted(found)
