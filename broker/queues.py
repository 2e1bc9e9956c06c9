"""Queues as people see them."""

import math
from collections.abc import Sequence

import msgspec

from . import keys
from .decoding import text, texts, whole
from .namespace import Namespace
from .presence import Workers
from .reading import shapes_of


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """One queue."""

    name: str
    waiting: int
    running: int
    paused: bool
    max_running: int | None
    """None: not limited."""
    weight: float
    description: str
    workers: tuple[str, ...]
    """Live workers that take tasks from it."""
    oldest_wait_s: float | None
    """How long the longest waiting of those next in line has been ready."""


async def list_queues(ns: Namespace) -> list[QueueView]:
    """Return all queues, sorted by name."""
    names = sorted(texts(await ns.redis.smembers(keys.queues(ns.prefix))))
    heads = await _heads(ns, names)
    workers = await Workers(ns).live()
    pipe = ns.redis.pipeline(transaction=False)
    pipe.time()
    for name in names:
        pipe.hgetall(keys.queue(ns.prefix, name))
        pipe.zcard(keys.running(ns.prefix, name))
    (now_s, now_us), *replies = await pipe.execute()
    return [
        _view(
            name,
            settings,
            running=running,
            waiting=heads[name][0],
            oldest_ms=heads[name][1],
            now_ms=now_s * 1000 + now_us // 1000,
            workers=tuple(w.name for w in workers if name in w.queues),
        )
        for name, settings, running in zip(names, replies[0::2], replies[1::2], strict=True)
    ]


async def ready_sets(ns: Namespace, queues: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how many tasks wait in each (queue, shape) that has any."""
    shapes = await shapes_of(ns, queues)
    pairs = [(queue, shape) for queue in queues for shape in shapes[queue]]
    pipe = ns.redis.pipeline(transaction=False)
    for queue, shape in pairs:
        pipe.zcard(keys.ready(ns.prefix, queue, shape))
    counts = await pipe.execute()
    return {pair: count for pair, count in zip(pairs, counts, strict=True) if count}


async def _heads(ns: Namespace, names: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Return, for each queue, how many wait and when the oldest head became ready (ms)."""
    counts = await ready_sets(ns, names)
    pipe = ns.redis.pipeline(transaction=False)
    for queue, shape in counts:
        pipe.zrange(keys.ready(ns.prefix, queue, shape), 0, 0)
    heads = [text((ids or [b""])[0]) for ids in await pipe.execute()]
    pipe = ns.redis.pipeline(transaction=False)
    for head in heads:
        pipe.hmget(keys.task(ns.prefix, keys.TaskId(head)), ("queued_ms", "created_ms"))
    times = await pipe.execute()
    found: dict[str, tuple[int, int | None]] = dict.fromkeys(names, (0, None))
    for ((queue, _), count), (queued, created) in zip(counts.items(), times, strict=True):
        waiting, oldest = found[queue]
        since = created if queued is None else queued
        ready_ms = whole(since)
        known = [ms for ms in (oldest, ready_ms) if ms is not None]
        found[queue] = (waiting + count, min(known, default=None))
    return found


def _view(
    name: str,
    settings: dict[bytes, bytes],
    *,
    waiting: int,
    running: int,
    oldest_ms: int | None,
    now_ms: int,
    workers: tuple[str, ...],
) -> QueueView:
    return QueueView(
        name=name,
        waiting=waiting,
        running=running,
        paused=settings.get(b"paused") == b"1",
        max_running=whole(settings.get(b"max_running")),
        weight=_weight(settings.get(b"weight", b"1")),
        description=text(settings.get(b"description", b"")),
        workers=workers,
        oldest_wait_s=None if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000),
    )


def _weight(value: bytes) -> float:
    try:
        weight = float(value)
    except ValueError:
        return 1.0
    return weight if math.isfinite(weight) else 1.0
