"""What tests of the way out of Redis do again and again."""

from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Collected, Purged, Purging

from .steps import finish, now_ms, running


async def ended(ns: Namespace, outcome: str = "succeeded", **fields: Any) -> Claim:
    """Enqueue a task, run it, and return its claim."""
    claim = await running(ns, **fields)
    await finish(ns, claim, outcome, result=b"a result" if outcome == "succeeded" else b"")
    return claim


async def make_due(ns: Namespace, *ids: TaskId) -> None:
    """Let it be time to archive and to purge these."""
    for task_id in ids:
        await ns.redis.zadd(keys.unarchived(ns.prefix), {task_id: 1}, xx=True)
        await ns.redis.zadd(keys.done(ns.prefix), {task_id: 1}, xx=True)


async def collect(ns: Namespace, **options: Any) -> list[Collected]:
    found, _ = await Purging(ns).collect(**options)
    return found


async def archived(ns: Namespace, outcome: str = "succeeded", **fields: Any) -> Claim:
    """Return the claim of a task that ended, is in the archive, and is due to be purged."""
    claim = await ended(ns, outcome, **fields)
    await make_due(ns, claim.task_id)
    assert await Purging(ns).note_archived(await collect(ns)) == 1
    return claim


async def purge(ns: Namespace, limit: int = 100) -> Purged:
    return await Purging(ns).purge(limit)


async def keys_of(ns: Namespace, task_id: TaskId) -> set[str]:
    """Return the keys of a task, and those that name it as a member, without the prefix."""
    found = set()
    async for raw in ns.redis.scan_iter(match=f"{ns.prefix}*", count=1000):
        name = raw.decode().removeprefix(ns.prefix)
        if f":{task_id}" in name or await _is_member(ns, raw, task_id):
            found.add(name)
    return found


async def _is_member(ns: Namespace, key: bytes, task_id: TaskId) -> bool:
    kind = await ns.redis.type(key)
    if kind == b"zset":
        return await ns.redis.zscore(key, task_id) is not None
    return kind == b"set" and bool(await ns.redis.sismember(key.decode(), task_id))


async def seconds_until(ns: Namespace, key: str, task_id: TaskId) -> float:
    """Return in how many seconds the time of a member of a sorted set comes."""
    stored: Any = await ns.redis.zscore(key, task_id)
    assert stored is not None
    return (float(stored) - await now_ms(ns)) / 1000
