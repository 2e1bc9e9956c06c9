"""Queues as people see them."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import msgspec

from . import keys
from .decoding import text, texts, whole
from .errors import SelectorError
from .held_back import HeldBack, held_back
from .keys import TaskId
from .namespace import Namespace
from .presence import Workers
from .reading import shapes_of
from .replies import kept
from .shapes import Shapes


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """One queue."""

    name: str
    waiting: int
    """Ready: in line for a worker."""
    running: int
    delayed: int
    waiting_for_parents: int
    blocked: int
    """Their concurrency key is taken."""
    is_exact: bool
    """False: delayed, waiting for parents and blocked are at least so many; see held_back.py."""
    paused: bool
    max_running: int | None
    """None: not limited."""
    weight: float
    description: str
    workers: tuple[str, ...]
    """Live workers that take tasks from it."""
    oldest_wait_s: float | None
    """How long the longest waiting of those next in line has been ready."""


async def queue_names(ns: Namespace) -> list[str]:
    """Return the names of all queues, sorted."""
    return sorted(texts(await ns.redis.smembers(keys.queues(ns.prefix))))


async def list_queues(ns: Namespace) -> list[QueueView]:
    """Return all queues, sorted by name."""
    return await _views(ns, await queue_names(ns))


async def read_queue(ns: Namespace, name: str) -> QueueView:
    """Return one queue.

    Raises:
        SelectorError: there is none of this name.
    """
    names = await queue_names(ns)
    if name not in names:
        raise unknown_queue(name, names)
    [view] = await _views(ns, [name])
    return view


def unknown_queue(name: str, names: Sequence[str]) -> SelectorError:
    """Return the error of a name that no queue has.

    Args:
        name: what was asked for.
        names: of the queues that there are.
    """
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "see rq-agent queue ls"
    return SelectorError(f"no queue is named {name}; {hint}")


async def ready_sets(ns: Namespace, queues: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how many tasks wait in each (queue, shape) that has any."""
    shapes = await shapes_of(ns, queues)
    pairs = [(queue, shape) for queue in queues for shape in shapes[queue]]
    pipe = ns.redis.pipeline(transaction=False)
    for queue, shape in pairs:
        pipe.zcard(keys.ready(ns.prefix, queue, shape))
    counts = [kept(reply, 0) for reply in await pipe.execute(raise_on_error=False)]
    return {pair: count for pair, count in zip(pairs, counts, strict=True) if count}


async def with_light_tasks(ns: Namespace, queues: Sequence[str]) -> frozenset[str]:
    """Return those of some queues in which a light task waits."""
    needs = await Shapes(ns).all()
    waiting = await ready_sets(ns, queues)
    return frozenset(
        queue for queue, shape in waiting if (need := needs.get(shape)) is not None and need.light
    )


async def _views(ns: Namespace, names: Sequence[str]) -> list[QueueView]:
    heads = await _heads(ns, names)
    workers = await Workers(ns).live()
    others = await held_back(ns)
    pipe = ns.redis.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(keys.queue(ns.prefix, name))
        pipe.zcard(keys.running(ns.prefix, name))
    replies = await pipe.execute(raise_on_error=False)
    now_s, now_us = await ns.redis.time()
    now_ms = int(now_s) * 1000 + int(now_us) // 1000
    return [
        _view(
            name,
            kept(settings, {}),
            running=kept(running, 0),
            head=heads[name],
            others=others,
            now_ms=now_ms,
            workers=tuple(w.name for w in workers if name in w.queues),
        )
        for name, settings, running in zip(names, replies[0::2], replies[1::2], strict=True)
    ]


async def _heads(ns: Namespace, names: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Return, for each queue, how many wait and when the oldest head became ready (ms)."""
    counts = await ready_sets(ns, names)
    pipe = ns.redis.pipeline(transaction=False)
    for queue, shape in counts:
        pipe.zrange(keys.ready(ns.prefix, queue, shape), 0, 0)
    heads = [text((ids or [b""])[0]) for ids in await pipe.execute()]
    pipe = ns.redis.pipeline(transaction=False)
    for head in heads:
        pipe.hmget(keys.task(ns.prefix, TaskId(head)), ("queued_ms", "created_ms"))
    times = [kept(reply, [None, None]) for reply in await pipe.execute(raise_on_error=False)]
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
    settings: Mapping[bytes, bytes],
    *,
    running: int,
    head: tuple[int, int | None],
    others: HeldBack,
    now_ms: int,
    workers: tuple[str, ...],
) -> QueueView:
    waiting, oldest_ms = head
    return QueueView(
        name=name,
        waiting=waiting,
        running=running,
        delayed=others.delayed.get(name, 0),
        waiting_for_parents=others.waiting.get(name, 0),
        blocked=others.blocked.get(name, 0),
        is_exact=others.is_exact,
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
