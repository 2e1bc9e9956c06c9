"""All that a namespace holds, read in two round trips; and put back as it was."""

from typing import Any, Final

import msgspec
from redis import Redis

from rq_agent.broker.keys import Prefix
from tests.leak_check import key_functions

Stored = dict[str, Any]
"""Key without its prefix -> dict of a hash, members and scores of a sorted set, members of a set,
text of a string. Of what no check looks into there is only the name: streams, envelopes ..."""

_NAMES_ONLY: Final = frozenset({"a", "d", "h", "r", "blob", "profile"})


def _kinds() -> dict[str, str]:
    """The first part of a key's name -> its type, as the docstrings of keys.py state it."""
    kinds = {}
    for function in key_functions().values():
        count = function.__code__.co_argcount - 1
        name = function(Prefix(""), *["*"] * count).split(":")[0]
        kinds[name] = (function.__doc__ or "").split(maxsplit=1)[0].strip(",.")
    return kinds


_KINDS: Final = _kinds()


def read(redis: Redis, prefix: Prefix) -> Stored:
    """Read all that the checks look into. A key that keys.py does not know is a KeyError."""
    names = _names(redis, prefix)
    found = {name: _KINDS[name.split(":")[0]] for name in names}
    pipe = redis.pipeline(transaction=False)
    asked = [name for name, kind in found.items() if _ask(pipe, prefix + name, kind)]
    values = dict(zip(asked, pipe.execute(), strict=True))
    return {name: _plain(values.get(name), kind) for name, kind in found.items()}


def _ask(pipe: Any, key: str, kind: str) -> bool:
    match kind:
        case "HASH":
            pipe.hgetall(key)
        case "ZSET":
            pipe.zrange(key, 0, -1, withscores=True)
        case "SET":
            pipe.smembers(key)
        case "STRING" if key.rpartition("}:")[2].split(":")[0] not in _NAMES_ONLY:
            pipe.get(key)
        case _:
            return False
    return True


def _plain(value: Any, kind: str) -> Any:
    match kind:
        case "HASH":
            return {field.decode(): text.decode() for field, text in value.items()}
        case "ZSET":
            return {member.decode(): score for member, score in value}
        case "SET":
            return {member.decode() for member in value}
    return value


class Dump(msgspec.Struct, frozen=True):
    """Every key of a namespace as it was once, with what was left of its TTL (ms, 0: none)."""

    values: dict[str, tuple[int, bytes]]


def dump(redis: Redis, prefix: Prefix) -> Dump:
    """Copy a namespace, as a server does that saves."""
    names = _names(redis, prefix)
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.pttl(prefix + name)
        pipe.dump(prefix + name)
    told = pipe.execute()
    pairs = zip(names, told[::2], told[1::2], strict=True)
    return Dump({name: (max(ttl_ms, 0), value) for name, ttl_ms, value in pairs if value})


def restore(redis: Redis, prefix: Prefix, old: Dump) -> None:
    """Let the server come back as it was: all that happened since is gone."""
    clear(redis, prefix)
    pipe = redis.pipeline(transaction=False)
    for name, (ttl_ms, value) in old.values.items():
        pipe.restore(prefix + name, ttl_ms, value)
    pipe.execute()


def clear(redis: Redis, prefix: Prefix) -> None:
    """Remove every key of a namespace."""
    names = _names(redis, prefix)
    if names:
        redis.delete(*(prefix + name for name in names))


def _names(redis: Redis, prefix: Prefix) -> list[str]:
    start = len(prefix)
    found = redis.scan_iter(match=f"{prefix}*", count=10_000)
    return sorted({name.decode()[start:] for name in found})
