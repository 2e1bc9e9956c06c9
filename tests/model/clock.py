"""A clock that a test sets, in place of the server's.

A real server's clock can't be set, and a model can't predict what depends on one that runs.
So the model's scripts read the time from a key. That is all that differs from what is shipped:
the two lines of prelude.lua which make NOW of TIME are replaced, and tests/scripts/test_loading.py
holds that no other line of any script reads a clock. TTLs still run on the server's clock; the
shortest that the scripts set is a day.
"""

from typing import Final

from redis.asyncio import Redis

from rq_agent.broker.keys import Prefix
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.scripts import Script, Scripts

_FROM_SERVER: Final = """local T = call("TIME")
local NOW = T[1] * 1000 + math.floor(T[2] / 1000)
"""
_FROM_KEY: Final = """local NOW = tonumber(call("GET", "clock:" .. P))
"""
START_MS: Final = 1_900_000_000_000


class Clock:
    """The time that every script of one namespace sees."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self.now_ms = START_MS
        for name in Scripts.__annotations__:
            script: Script = getattr(ns.scripts, name)
            setattr(ns.scripts, name, _clocked(ns.redis, ns.prefix, script.text))

    async def set(self, now_ms: int) -> None:
        self.now_ms = now_ms
        await self._ns.redis.set(f"clock:{self._ns.prefix}", now_ms)

    async def remove(self) -> None:
        await self._ns.redis.delete(f"clock:{self._ns.prefix}")


def _clocked(redis: Redis, prefix: Prefix, text: str) -> Script:
    assert text.count(_FROM_SERVER) == 1, "prelude.lua reads the clock in another way: see clock.py"
    return Script(redis, prefix, text.replace(_FROM_SERVER, _FROM_KEY))
