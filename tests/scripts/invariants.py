"""What holds between any two calls of scripts."""

from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.states import FINAL, TaskState

from . import steps
from .fleet import NEEDS, QUEUES, Fleet, Worker


async def check_indices(ns: Namespace, *, after: str) -> None:
    """Every task stands in the one index that its state names, and all derived ones agree."""
    p = ns.prefix
    shapes = [shape_id(need) for need in NEEDS]
    ready = {(q, s): keys.ready(p, q, s) for q in QUEUES for s in shapes}
    owners: dict[str, list[str]] = {}
    for (queue, shape), key in ready.items():
        for task_id in await steps.members(ns, key):
            owners.setdefault(task_id, []).append(f"queued {queue} {shape}")
    for state, key in (("running", keys.leases(p)), ("delayed", keys.delayed(p))):
        for task_id in await steps.members(ns, key):
            owners.setdefault(task_id, []).append(state)
    for task_id in await steps.members(ns, keys.done(p)):
        owners.setdefault(task_id, []).append("final")
    tasks = await _tasks(ns)
    assert owners == {i: [_owner(task)] for i, task in tasks.items()}, after
    await _check_running(ns, tasks, after)
    for shape in shapes:
        listed = {raw.decode() for raw in await _set(ns, keys.ready_queues(p, shape))}
        assert listed == {q for (q, s), key in ready.items() if s == shape and await _is(ns, key)}
    waiting = {i for i, task in tasks.items() if task["state"] in ("queued", "delayed")}
    assert set(await steps.members(ns, keys.deadlines(p))) <= waiting, after


async def check_nobody_sleeps(ns: Namespace, fleet: Fleet) -> None:
    """Whoever is parked has nothing to claim, without the help of a tick."""
    for worker in fleet.workers:
        key = keys.idle(ns.prefix, worker.profile)
        if await steps.score(ns, key, worker.name) is None:
            continue
        for queue in worker.order.queues:
            assert not await _claimable(ns, queue, worker), f"{worker.name} sleeps, {queue} waits"


async def _claimable(ns: Namespace, queue: str, worker: Worker) -> int:
    settings = steps.decoded(await ns.redis.hgetall(keys.queue(ns.prefix, queue)))
    running = await ns.redis.zcard(keys.running(ns.prefix, queue))
    if running >= int(settings.get("max_running") or running + 1):
        return 0
    ready = [keys.ready(ns.prefix, queue, shape) for shape in worker.shapes]
    return sum([len(await steps.members(ns, key)) for key in ready])


async def _tasks(ns: Namespace) -> dict[str, dict[str, str]]:
    ids = await steps.members(ns, keys.ids(ns.prefix))
    return {i: await steps.fields(ns, TaskId(i)) for i in ids}


def _owner(task: dict[str, str]) -> str:
    state = task["state"]
    if state == "queued":
        return f"queued {task['queue']} {task['shape']}"
    return "final" if TaskState(state) in FINAL else state


async def _check_running(ns: Namespace, tasks: dict[str, dict[str, str]], after: str) -> None:
    leased = {i: task for i, task in tasks.items() if task["state"] == "running"}
    for queue in QUEUES:
        listed = set(await steps.members(ns, keys.running(ns.prefix, queue)))
        assert listed == {i for i, task in leased.items() if task["queue"] == queue}, after
    workers = {task["worker"] for task in leased.values()}
    async for raw in ns.redis.scan_iter(match=keys.held(ns.prefix, "*"), count=1000):
        workers.add(raw.decode().rpartition(":")[2])
    for worker in workers:
        held = {raw.decode() for raw in await _set(ns, keys.held(ns.prefix, worker))}
        assert held == {i for i, task in leased.items() if task["worker"] == worker}, after


async def _set(ns: Namespace, key: str) -> Any:
    return await ns.redis.smembers(key)


async def _is(ns: Namespace, key: str) -> bool:
    return bool(await ns.redis.exists(key))
