"""One namespace on one Redis: what every class of the broker works on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from . import client_errors, keys
from .scripts import Scripts

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from .lane import Lane

_ALLOW_OOM_SINCE = 7


class Namespace:
    """A connection, the prefix of all keys, and the scripts."""

    def __init__(self, redis: "Redis", name: str, *, allow_oom: bool = False) -> None:
        """Args.

        redis: answers in bytes (`decode_responses` is off).
        name: of the namespace.
        allow_oom: the server knows script flags (Redis 7, Valkey), which say what may run when
            its memory is full; an older one is told in another way.
        """
        self.redis = redis
        self.name = name
        self.prefix = keys.prefix(name)
        self.scripts = Scripts(redis, self.prefix, allow_oom=allow_oom)
        self._allow_oom = allow_oom

    @property
    def where(self) -> str:
        """The address of the server, without its password."""
        return str(getattr(self.redis, "where", ""))

    @classmethod
    async def open(cls, redis: "Redis", name: str) -> "Namespace":
        """Return a namespace whose scripts suit the version of the server."""
        return cls(redis, name, allow_oom=await _knows_flags(redis))

    def over(self, lane: "Lane") -> "Namespace":
        """Return one that runs its scripts on a lane, at a quarter of the price, and does no more."""
        return Namespace(lane, self.name, allow_oom=self._allow_oom)  # type: ignore[arg-type]

    @asynccontextmanager
    async def on_one_connection(self) -> AsyncIterator["Namespace"]:
        """Let all commands go over one connection of the pool, where a server remembers writes.

        But for those that are sent ahead of their answers; see overlap.py.
        """
        async with self.redis.client() as redis:
            for name in ("where", "user"):  # of a TranslatedRedis
                if hasattr(self.redis, name):
                    setattr(redis, name, getattr(self.redis, name))
            yield Namespace(redis, self.name, allow_oom=self._allow_oom)


async def _knows_flags(redis: "Redis") -> bool:
    try:
        version = str((await redis.info("server"))["redis_version"])
    except client_errors.ResponseError:
        return False  # INFO is not there, or not allowed: plain scripts run everywhere
    return int(version.split(".", 1)[0]) >= _ALLOW_OOM_SINCE
