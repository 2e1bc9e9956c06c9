"""What each kind of login may do in one namespace, as words of `ACL SETUSER`. Pure.

Keys whose own name begins with `!` are protected: who submits or looks can neither read nor write
them, inside a script neither. Scripts get the bare prefix as KEYS[1], so it is a pattern of its own.
"""

from typing import Final, Literal, get_args

from .keys import prefix

Role = Literal["submitter", "worker", "viewer", "operator"]
"""What a person can be invited as. An operator is a person with a worker's rights."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
LOCAL: Final = "local"
"""The login of whoever runs the server, which may everything."""

_EVERYTHING: Final = ("~*", "&*", "+@all")
_CONNECTING: Final = ("ping", "select", "client|setname", "info", "evalsha", "script|load")
_READING: Final = frozenset(
    {
        *("exists", "get", "getrange", "hexists", "hget", "hgetall", "hkeys", "hlen", "hmget"),
        *("hrandfield", "lindex", "llen", "lrange", "scard", "sismember", "smembers"),
        *("smismember", "srandmember", "strlen", "time", "type", "xlen", "xrange", "xread"),
        *("xrevrange", "zcard", "zcount", "zlexcount", "zmscore", "zrange", "zrangebylex"),
        *("zrangebyscore", "zrank", "zrevrange", "zrevrangebylex", "zrevrangebyscore"),
        *("zrevrank", "zscore"),
    }
)
_WRITING: Final = frozenset(
    {
        *("del", "hdel", "hincrby", "hset", "hsetnx", "lpush", "ltrim", "mset", "persist"),
        *("pexpire", "pttl", "rpush", "sadd", "set", "spop", "srem", "unlink", "wait", "xadd"),
        *("xtrim", "zadd", "zrem"),
    }
)
_WAITING: Final = frozenset({"waitaof"})
"""Of who writes, where the server knows it: an older one takes no user that may use it."""
_WORKING: Final = frozenset({"eval", "xdel"})


def rules(role: str, namespace: str, *, knows_waitaof: bool = False) -> tuple[str, ...]:
    """Return what a role may, without `on` and without a password.

    They take away every key, channel and command first, so they may be set again on a user.

    Args:
        role: one of ROLES, or LOCAL, which may everything in every namespace.
        namespace: a valid name: none of its characters means anything in a pattern of keys.
        knows_waitaof: the server is a Redis from 7.2 on, or any Valkey.
    """
    nothing = ("resetkeys", "resetchannels", "-@all")
    if role == LOCAL:
        return (*nothing, *_EVERYTHING)
    commands = [*_CONNECTING, *sorted(_commands(role))]
    if knows_waitaof and role != "viewer":
        commands += sorted(_WAITING)
    return ("resetkeys", *_keys(role, namespace), *nothing[1:], *(f"+{each}" for each in commands))


def role_of(user: str) -> Role | None:
    """Return the role that a user's name begins with, e.g. of `submitter-ada-1f3c`."""
    first = user.partition("-")[0]
    return next((role for role in ROLES if role == first), None)


def _keys(role: str, namespace: str) -> tuple[str, ...]:
    every = prefix(namespace)
    if role in ("submitter", "viewer"):
        return (f"~{every}", f"~{every}[^!]*")
    return (f"~{every}*",)


def _commands(role: str) -> frozenset[str]:
    return {
        "viewer": _READING,
        "submitter": _READING | _WRITING,
        "worker": _READING | _WRITING | _WORKING,
        "operator": _READING | _WRITING | _WORKING,
    }[role]
