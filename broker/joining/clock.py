"""The time that tokens count by."""

from ..namespace import Namespace


async def now_ms(ns: Namespace) -> int:
    """Return the time on the clock of Redis, Unix ms."""
    now_s, now_us = await ns.redis.time()
    return int(now_s) * 1000 + int(now_us) // 1000
