"""How a server is now: how far away, on what clock, how full."""

import time
from collections.abc import Mapping
from typing import Final

import msgspec
from redis.asyncio import Redis

from . import urls
from .connection import redis_errors
from .server_facts import ServerFacts, check_settings, judge

_SAMPLES: Final = 5


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a server, and what it says about itself."""

    facts: ServerFacts
    round_trip_ms: float
    """The shortest of a few."""
    clock_ahead_ms: float
    """How far its clock is ahead of this machine's; right to half a round trip."""
    used_bytes: int
    saves: bool
    """Its last write of a snapshot or of the append-only file succeeded."""


async def examine(redis: Redis, url: str = "") -> Health:
    """Measure a server.

    Raises:
        BrokerRefused: it is none that we can use; says why.
        BrokerUnavailable: it does not answer, or is still loading.
    """
    with redis_errors(url):
        reply = await redis.info()
        said = {name: str(value) for name, value in reply.items()}
        facts = judge(reply, where=urls.redacted(url))
        round_trip_ms, clock_ahead_ms = await _clock(redis)
    facts = await check_settings(redis, facts, url)
    return Health(
        facts=facts,
        round_trip_ms=round_trip_ms,
        clock_ahead_ms=clock_ahead_ms,
        used_bytes=int(said.get("used_memory", "0")),
        saves=_saves(said),
    )


async def _clock(redis: Redis) -> tuple[float, float]:
    """Return the shortest round trip and how far the server's clock was ahead in it, both in ms."""
    samples = []
    for _ in range(_SAMPLES):
        wall_s, start_s = time.time(), time.monotonic()
        server_s, server_us = await redis.time()
        took_s = time.monotonic() - start_s
        ahead_s = int(server_s) + int(server_us) / 1e6 - (wall_s + took_s / 2)
        samples.append((took_s * 1000, ahead_s * 1000))
    return min(samples)


def _saves(said: Mapping[str, str]) -> bool:
    keys = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
    return all(said.get(key, "ok") == "ok" for key in keys)
