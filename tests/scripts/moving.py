"""What tests of moves do again and again."""

from collections.abc import Sequence
from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.new_task import Parent

from . import steps
from .steps import CPU, GPU

SMALL_GPU = Need(gpus=1, mem_mib=1024)
NEEDS = (CPU, GPU, SMALL_GPU)
"""Three shapes: a queue's order is that of all of them together."""


async def order(ns: Namespace, queue: str = "q") -> list[str]:
    """Return all queued tasks of a queue as they would be claimed."""
    found: list[tuple[float, str]] = []
    shapes: Any = await ns.redis.smembers(keys.queue_shapes(ns.prefix, queue))
    for shape in shapes:
        key = keys.ready(ns.prefix, queue, shape.decode())
        stored: Any = await ns.redis.zrange(key, 0, -1, withscores=True)
        found += [(score, raw.decode()) for raw, score in stored]
    return [task_id for _, task_id in sorted(found)]


async def add_mixed(ns: Namespace, count: int, **fields: Any) -> list[TaskId]:
    """Enqueue tasks of three shapes in turn, and return their ids."""
    tasks = [steps.new_task(need=NEEDS[n % 3], **fields) for n in range(count)]
    await steps.enqueue(ns, *tasks)
    return [task.id for task in tasks]


async def check_records(ns: Namespace, queue: str = "q") -> None:
    """The record of each queued task names the score at which it stands, in its own band."""
    for task_id in await order(ns, queue):
        stored = await steps.fields(ns, TaskId(task_id))
        key = keys.ready(ns.prefix, queue, stored["shape"])
        assert await steps.score(ns, key, task_id) == float(stored["order"])
        assert int(stored["order"]) >> 44 == 127 - int(stored.get("priority", 0))


async def pile_up(ns: Namespace, ids: Sequence[TaskId]) -> None:
    """Let queued tasks of the first need all stand at the place of the first of them."""
    order = int((await steps.fields(ns, ids[0]))["order"])
    key = keys.ready(ns.prefix, "q", shape_id(CPU))
    await ns.redis.zadd(key, dict.fromkeys(ids, order), xx=True)
    pipe = ns.redis.pipeline(transaction=False)
    for task_id in ids:
        pipe.hset(keys.task(ns.prefix, task_id), "order", order)
    await pipe.execute()


async def blocked(ns: Namespace, **fields: Any) -> tuple[TaskId, Claim]:
    """Return a task whose concurrency key is full, and the claim that fills it."""
    holder = await steps.running(ns, concurrency_key="k", **fields)
    (task_id,) = await steps.add(ns, concurrency_key="k", **fields)
    await steps.claim(ns)
    assert await steps.state(ns, task_id) == "blocked"
    return task_id, holder


async def in_state(ns: Namespace, state: str) -> TaskId:
    """Return a task in one of the states that it can be added in, or run, or end in."""
    if state == "waiting":
        (parent,) = await steps.add(ns, queue="parents")
        return (await steps.add(ns, parents=(Parent(parent),)))[0]
    if state in ("running", "succeeded"):
        claim = await steps.running(ns)
        if state == "succeeded":
            await steps.finish(ns, claim, "succeeded")
        return claim.task_id
    options: dict[str, dict[str, Any]] = {
        "draft": {"is_draft": True},
        "delayed": {"delay_ms": 3_600_000},
        "queued": {},
    }
    return (await steps.add(ns, **options[state]))[0]
