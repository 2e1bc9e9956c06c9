"""What tests of scripts do again and again."""

import hashlib
from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.beats import Beat
from rq_agent.broker.claims import Claim, Claimed, Finish, FinishCode, Outcome, Token
from rq_agent.broker.ids import TaskIds
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import parse
from rq_agent.broker.tasks import DefinitionUpload, Enqueued, NewTask, Tasks
from rq_agent.broker.ticks import Ticked, Ticks

ENCODED = b"a definition"
DIGEST = hashlib.sha256(ENCODED).hexdigest()
UPLOAD = {DIGEST: DefinitionUpload(encoded=ENCODED)}
CPU = Need()
GPU = Need(gpus=1)
LEASE_MS = 60_000

_ids = TaskIds()


def new_task(**fields: Any) -> NewTask:
    given = {"id": _ids.new(), "queue": "q", "definition": DIGEST, "envelope": b"signed"}
    return NewTask(**(given | fields))


async def enqueue(ns: Namespace, *tasks: NewTask) -> list[Enqueued]:
    return await Tasks(ns).enqueue(tasks, UPLOAD)


async def add(ns: Namespace, count: int = 1, **fields: Any) -> list[TaskId]:
    """Enqueue alike tasks and return their ids."""
    tasks = [new_task(**fields) for _ in range(count)]
    await enqueue(ns, *tasks)
    return [task.id for task in tasks]


async def claim(
    ns: Namespace,
    *queues: str,
    worker: str = "w",
    nonce: str = "",
    limit: int = 1,
    mode: str = "priority",
    needs: tuple[Need, ...] = (CPU,),
    park: bool = False,
    lease_ms: int = LEASE_MS,
) -> Claimed:
    return await Leases(ns).claim(
        worker,
        nonce or _ids.new(),
        limit=limit,
        order=parse(mode, queues or ("q",)),
        shapes=[shape_id(need) for need in needs],
        lease_ms=lease_ms,
        park=park,
    )


async def claim_one(ns: Namespace, *queues: str, **options: Any) -> Claim:
    claimed = await claim(ns, *queues, **options)
    assert len(claimed.claims) == 1
    return claimed.claims[0]


async def running(ns: Namespace, *, worker: str = "w", **fields: Any) -> Claim:
    """Enqueue a task and claim it."""
    await add(ns, **fields)
    return await claim_one(ns, fields.get("queue", "q"), worker=worker)


async def finish(ns: Namespace, token: Token, outcome: str, **fields: Any) -> FinishCode:
    ends = [Finish(claim=token, outcome=Outcome(outcome), **fields)]
    (code,) = await Leases(ns).finish(ends)
    return code


async def beat(ns: Namespace, *held: Token, worker: str = "w", **options: Any) -> Beat:
    given: dict[str, Any] = {"ttl_ms": LEASE_MS, "facts": {}}
    return await Leases(ns).beat(worker, held, **(given | options))


async def tick(ns: Namespace, **options: Any) -> Ticked:
    given: dict[str, Any] = {"lease_ms": LEASE_MS}
    return await Ticks(ns).tick(**(given | options))


async def expire_lease(ns: Namespace, task_id: TaskId) -> None:
    """Let the lease of a running task have run out long ago."""
    await ns.redis.zadd(keys.leases(ns.prefix), {task_id: 1}, xx=True)


async def lose(ns: Namespace, task_id: TaskId) -> None:
    """Reap a running task."""
    await expire_lease(ns, task_id)
    assert (await tick(ns)).reaped == 1


async def forget_a_claim(namespace: Namespace, task_id: TaskId) -> None:
    """Let Redis come back as it was before the task was claimed."""
    p, redis = namespace.prefix, namespace.redis
    task = keys.task(p, task_id)
    stored = await fields(namespace, task_id)
    await redis.hset(task, mapping={"state": "queued", "fence": int(stored["fence"]) - 1})
    await redis.hdel(task, "nonce", "worker", "started_ms")
    await redis.zrem(keys.leases(p), task_id)
    await redis.zrem(keys.running(p, stored["queue"]), task_id)
    await redis.srem(keys.held(p, stored["worker"]), task_id)
    await redis.zadd(
        keys.ready(p, stored["queue"], stored["shape"]), {task_id: float(stored["order"])}
    )
    await redis.sadd(keys.ready_queues(p, stored["shape"]), stored["queue"])


async def fields(ns: Namespace, task_id: TaskId) -> dict[str, str]:
    """Return the stored fields of a task."""
    return decoded(await ns.redis.hgetall(keys.task(ns.prefix, task_id)))


async def extra(ns: Namespace, task_id: TaskId) -> dict[str, str]:
    """Return the stored long fields of a task."""
    return decoded(await ns.redis.hgetall(keys.extra(ns.prefix, task_id)))


async def state(ns: Namespace, task_id: TaskId) -> str:
    return (await fields(ns, task_id)).get("state", "")


async def line(ns: Namespace, queue: str = "q", need: Need = CPU) -> list[str]:
    """Return the ready tasks of a queue and shape, the next one first."""
    return await members(ns, keys.ready(ns.prefix, queue, shape_id(need)))


async def members(ns: Namespace, key: str) -> list[str]:
    """Return the members of a sorted set, the lowest score first."""
    stored: list[Any] = await ns.redis.zrange(key, 0, -1)
    return [raw.decode() for raw in stored]


async def score(ns: Namespace, key: str, member: str) -> float | None:
    stored: Any = await ns.redis.zscore(key, member)
    return stored if stored is None else float(stored)


async def messages(ns: Namespace, worker: str = "w") -> list[dict[str, str]]:
    """Return what lies in a worker's inbox, oldest first."""
    entries: Any = await ns.redis.xrange(keys.inbox(ns.prefix, worker))
    return [decoded(entry) for _, entry in entries]


async def events(ns: Namespace, name: str = "") -> list[dict[str, str]]:
    """Return all events (of one name), oldest first."""
    entries: Any = await ns.redis.xrange(keys.events(ns.prefix))
    found = [decoded(entry) for _, entry in entries]
    return [e for e in found if name in ("", e["event"])]


async def history(ns: Namespace, task_id: TaskId) -> list[str]:
    """Return the names of the events in a task's own history."""
    lines: Any = await ns.redis.lrange(keys.history(ns.prefix, task_id), 0, -1)
    return [raw.decode().split(" ")[1] for raw in lines]


async def now_ms(ns: Namespace) -> int:
    seconds, micros = await ns.redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


def decoded(entry: Any) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in entry.items()}
