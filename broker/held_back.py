"""How many tasks of each queue are not in line: they wait for a time, for parents, for a key."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from . import keys
from .decoding import text
from .keys import TaskId
from .namespace import Namespace
from .replies import kept
from .states import TaskState

LOOKED_AT: Final = 5_000
"""Most tasks of each kind whose queue is asked for: no index holds them by queue."""
_A_CALL: Final = 1_000


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """Counts by queue; a queue without any is not in it."""

    delayed: Mapping[str, int]
    waiting: Mapping[str, int]
    """For their parents."""
    blocked: Mapping[str, int]
    """Their concurrency key is taken."""
    is_exact: bool
    """False: there are more than LOOKED_AT of a kind, and these are the first of them."""


async def held_back(ns: Namespace) -> HeldBack:
    """Count the tasks that are live and neither in line nor running."""
    p = ns.prefix
    indices = (
        keys.delayed(p),
        keys.index(p, "state", TaskState.WAITING),
        keys.index(p, "state", TaskState.BLOCKED),
    )
    pipe = ns.redis.pipeline(transaction=False)
    for key in indices:
        pipe.zrange(key, 0, LOOKED_AT)
    found: list[list[Any]] = [kept(reply, []) for reply in await pipe.execute(raise_on_error=False)]
    delayed, waiting, blocked = [await _by_queue(ns, ids[:LOOKED_AT]) for ids in found]
    return HeldBack(
        delayed=delayed,
        waiting=waiting,
        blocked=blocked,
        is_exact=all(len(ids) <= LOOKED_AT for ids in found),
    )


async def _by_queue(ns: Namespace, ids: list[Any]) -> Mapping[str, int]:
    queues: Counter[str] = Counter()
    for n in range(0, len(ids), _A_CALL):
        pipe = ns.redis.pipeline(transaction=False)
        for raw in ids[n : n + _A_CALL]:
            pipe.hget(keys.task(ns.prefix, TaskId(text(raw))), "queue")
        replies: list[Any] = await pipe.execute(raise_on_error=False)
        queues.update(text(queue) for reply in replies if (queue := kept(reply, None)) is not None)
    return queues
