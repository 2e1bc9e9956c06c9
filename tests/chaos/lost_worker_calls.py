"""What submitters and workers send: tasks are added, claimed, kept and ended."""

from pathlib import Path

from rq_agent.broker.blobs import Blobs
from rq_agent.broker.claims import Finish, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.presence import Workers
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.states import Phase
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.ticks import Ticks

from ..scripts import people, steps
from .lost_call import Call, case

# Tasks are added.


@case("enqueue")
async def _(ns: Namespace, folder: Path) -> Call:
    tasks = [steps.new_task(labels={"a": "b"})]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("enqueue/batches")
async def _(ns: Namespace, folder: Path) -> Call:
    tasks = [steps.new_task() for _ in range(401)]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("enqueue/unique")
async def _(ns: Namespace, folder: Path) -> Call:
    tasks = [steps.new_task(unique="u"), steps.new_task(unique="u")]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("enqueue/replaces")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.add(ns, unique="u")
    tasks = [steps.new_task(unique="u", replaces=True)]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("enqueue/children")
async def _(ns: Namespace, folder: Path) -> Call:
    parent = steps.new_task()
    tasks = [parent, steps.new_task(parents=(Parent(parent.id),)), steps.new_task(delay_ms=60_000)]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("keep_blobs")
async def _(ns: Namespace, folder: Path) -> Call:
    await Blobs(ns).put(people.BLOB_DIGEST, people.BLOB)
    return lambda ns: Blobs(ns).missing([people.BLOB_DIGEST])


# Workers take tasks, keep them and end them.


@case("claim")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.add(ns, 3)
    return lambda ns: steps.claim(ns, nonce="n1", limit=2)


@case("claim/parks")
async def _(ns: Namespace, folder: Path) -> Call:
    return lambda ns: steps.claim(ns, nonce="n1", park=True)


@case("claim/turns")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.add(ns, 2)
    await steps.add(ns, 2, queue="r")
    return lambda ns: steps.claim(ns, "q", "r", nonce="n1", mode="round-robin")


@case("rest")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.claim(ns, park=True)
    return lambda ns: Leases(ns).rest("w")


@case("beat")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    return lambda ns: steps.beat(ns, claim)


@case("beat/adopts")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    await steps.lose(ns, claim.task_id)
    return lambda ns: steps.beat(ns, claim)


@case("finish")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    end = Finish(claim=claim, outcome=Outcome.SUCCEEDED, exit_code=0, result=b"r")
    return lambda ns: Leases(ns).finish([end])


@case("finish/retry")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    end = Finish(claim=claim, outcome=Outcome.RETRY, delay_ms=1_000)
    return lambda ns: Leases(ns).finish([end])


@case("finish/lost")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    end = Finish(claim=claim, outcome=Outcome.LOST, reason="died")
    return lambda ns: Leases(ns).finish([end])


@case("finish/batches")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.add(ns, 201)
    claims = [c for n in ("1", "2") for c in (await steps.claim(ns, nonce=n, limit=200)).claims]
    ends = [Finish(claim=claim, outcome=Outcome.RELEASE) for claim in claims]
    return lambda ns: Leases(ns).finish(ends)


@case("recreate")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns, name="n", labels={"a": "b"})
    await ns.redis.delete(*[key async for key in ns.redis.scan_iter(match=f"{ns.prefix}*")])
    known = Recreation(claim=claim, need=steps.CPU, definition=steps.UPLOAD[steps.DIGEST])
    return lambda ns: Leases(ns).recreate("w", known, lease_ms=steps.LEASE_MS)


@case("phase")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    return lambda ns: Leases(ns).phase(claim, Phase.RUNNING)


@case("hang")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    return lambda ns: Leases(ns).hang(claim, still_ms=60_000)


@case("used")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    return lambda ns: Leases(ns).used(claim, {"lr": "0.1"})


@case("append")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    data = b"x" * 40_000
    chunks = [
        Chunk(stream="out", offset=0, raw_bytes=len(data), data=data),
        Chunk(stream="err", offset=0, raw_bytes=3, data=b"err"),
        Chunk(stream="out", offset=len(data), raw_bytes=3, data=b"end"),
    ]
    return lambda ns: Logs(ns).append(claim, chunks)


@case("hello")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.running(ns)
    await Ticks(ns).hello("before", lease_ms=60_000, beat_ms=5_000)
    return lambda ns: Ticks(ns).hello("after", lease_ms=60_000, beat_ms=5_000)


@case("tick")
async def _(ns: Namespace, folder: Path) -> Call:
    claims = [await steps.running(ns) for _ in range(2)]
    (delayed,) = await steps.add(ns, delay_ms=60_000)
    await steps.tick(ns)
    for claim in claims:
        await steps.expire_lease(ns, claim.task_id)
    await ns.redis.zadd(f"{ns.prefix}delay", {delayed: 1})
    return lambda ns: steps.tick(ns)


@case("leave")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.beat(ns)
    return lambda ns: Workers(ns).leave("w")
