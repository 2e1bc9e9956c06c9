"""What a hand in redis-cli, a bug or an enemy with a password may leave in a namespace."""

import math
from typing import Any, Final

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import Profile, parse

from ..scripts import steps
from .sizes import pick

SHAPE: Final = shape_id(Need())
QUEUES: Final = ("default", "other")
PROFILE: Final = Profile(order=parse("priority", QUEUES), shapes=(SHAPE,)).id
LARGE: Final = "x" * 100_000

_SCORES: Final = {
    "alien": 1.0,
    "\N{SNOWMAN}:\x00\x01": 5.0,
    "sooner": -math.inf,
    "later": math.inf,
    "far": 9e15,
    LARGE: 2.0,
    "": 3.0,
}
"""NaN is no score: Redis refuses it."""

NUMBERS: Final = ("", "x", "nan", "inf", "-inf", "1e400", "-1", "9" * 400, "0x10", "1.5", "\x00")
"""In place of a number."""
_NUMERIC: Final = (
    *("order", "priority", "fence", "attempt", "lost", "max_lost", "lease_ms", "timeout_ms"),
    *("created_ms", "queued_ms", "queue_timeout_ms", "key_limit", "result_ttl_ms", "due_ms"),
)


async def litter(ns: Namespace) -> int:
    """Put members that mean nothing into every index; return how many tasks would be told of."""
    p, redis = ns.prefix, ns.redis
    records = await _records(ns)
    scores = {**_SCORES, **dict.fromkeys(records, 4.0)}
    sorted_sets = (
        keys.ready(p, "default", SHAPE),
        keys.ready(p, "other", SHAPE),
        *(keys.leases(p), keys.delayed(p), keys.deadlines(p), keys.done(p), keys.unarchived(p)),
        *(
            keys.dead(p),
            keys.ids(p),
            keys.schedules(p),
            keys.workers(p),
            keys.running(p, "default"),
        ),
        *(keys.holders(p, "k"), keys.parked_tasks(p, "k"), keys.index(p, "state", "waiting")),
    )
    for key in sorted_sets:
        await redis.zadd(key, scores)
    await redis.zadd(keys.idle(p, PROFILE), _SCORES)
    await redis.expire(keys.idle(p, PROFILE), 600)
    sets = (
        *(keys.ready_queues(p, SHAPE), keys.queues(p), keys.ageing_queues(p)),
        *(keys.queue_shapes(p, "default"), keys.parked_keys(p), keys.resolve(p)),
        *(keys.interested(p, "default", SHAPE), keys.listeners(p, "default")),
        keys.held(p, "alien"),
    )
    for key in sets:
        await redis.sadd(key, *_SCORES, *records)
    await redis.hset(keys.shapes(p), mapping={"s000": "{", SHAPE[:-1]: "\xff", LARGE: LARGE})
    await redis.hset(keys.references(p), mapping=dict.fromkeys(["d:x", "b:x", LARGE], "nan"))
    junk: dict[Any, Any] = dict(
        zip(("ticked_at", "swept_at", "hold_reaping_until"), NUMBERS[2:], strict=False)
    )
    await redis.hset(keys.globals_(p), mapping={**junk, "ticker_until": "1e400", "ticker": LARGE})
    await redis.set(keys.queue(p, "alien"), "no hash")
    await redis.rpush(keys.worker(p, "alien"), "no hash")
    return len(scores)


async def _records(ns: Namespace) -> list[str]:
    """Leave records that are none, or of another state than where they stand; return their ids."""
    p, redis = ns.prefix, ns.redis
    await redis.rpush(keys.task(p, TaskId("list")), "no hash")
    await redis.set(keys.task(p, TaskId("text")), "no hash")
    await redis.hset(keys.task(p, TaskId("empty")), mapping={"state": ""})
    await redis.hset(keys.task(p, TaskId("odd")), mapping={"state": "\xff", "queue": LARGE})
    return ["list", "text", "empty", "odd"]


async def wrong_numbers(ns: Namespace) -> list[TaskId]:
    """Enqueue tasks whose records hold no numbers where there should be some; return their ids."""
    found = []
    for n, number in enumerate(pick(short=NUMBERS[:4], long=NUMBERS)):
        [task_id] = await steps.add(ns, queue=QUEUES[n % 2])
        fields: dict[Any, Any] = dict.fromkeys(_NUMERIC, number)
        await ns.redis.hset(keys.task(ns.prefix, task_id), mapping={**fields, "retry": number})
        found.append(task_id)
    return found


def overwritten(ns: Namespace, worker: str) -> dict[str, str]:
    """Return a key of each kind that everything depends on, by the name of its kind."""
    p = ns.prefix
    return {
        "ready": keys.ready(p, "default", SHAPE),
        "ready_queues": keys.ready_queues(p, SHAPE),
        "shapes": keys.shapes(p),
        "leases": keys.leases(p),
        "running": keys.running(p, "default"),
        "held": keys.held(p, worker),
        "delayed": keys.delayed(p),
        "deadlines": keys.deadlines(p),
        "resolve": keys.resolve(p),
        "parked_keys": keys.parked_keys(p),
        "queues": keys.queues(p),
        "queue": keys.queue(p, "default"),
        "ageing_queues": keys.ageing_queues(p),
        "queue_shapes": keys.queue_shapes(p, "default"),
        "workers": keys.workers(p),
        "worker": keys.worker(p, worker),
        "inbox": keys.inbox(p, worker),
        "command": keys.command(p, worker),
        "worker_labels": keys.worker_labels(p, worker),
        "idle": keys.idle(p, PROFILE),
        "profile": keys.profile(p, PROFILE),
        "interested": keys.interested(p, "default", SHAPE),
        "listeners": keys.listeners(p, "default"),
        "events": keys.events(p),
        "globals_": keys.globals_(p),
    }
