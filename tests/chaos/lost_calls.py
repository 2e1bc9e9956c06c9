"""Every call that changes something in Redis: made ready, and then made, by a worker or a person."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from rq_agent.broker.blobs import Blobs
from rq_agent.broker.claims import Finish, Outcome
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.draining import Draining
from rq_agent.broker.labels import Labels
from rq_agent.broker.leases import Leases
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import encode, shape_id
from rq_agent.broker.new_task import Parent
from rq_agent.broker.presence import Workers
from rq_agent.broker.purging import Purging
from rq_agent.broker.queue_removal import QueueRemoval
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.scripts import Argument
from rq_agent.broker.states import Phase
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.ticks import Ticks
from rq_agent.broker.verbs import removing, renaming
from rq_agent.broker.worker_labels import WorkerLabels

from ..scripts import people, retiring, steps, timetable

Call = Callable[[Namespace], Awaitable[Any]]
Ready = Callable[[Namespace, Path], Awaitable[Call]]
"""Prepares a namespace and returns the call; the same call again is what a caller repeats."""

CASES: Final[dict[str, Ready]] = {}
"""By the script, with `/<variant>` where it has several."""


def case(name: str) -> Callable[[Ready], Ready]:
    """Note the case of a script."""

    def note(ready: Ready) -> Ready:
        CASES[name] = ready
        return ready

    return note


# Tasks are added.


@case("enqueue")
async def _(ns: Namespace, folder: Path) -> Call:
    tasks = [steps.new_task(labels={"a": "b"})]
    return lambda ns: Tasks(ns).enqueue(tasks, steps.UPLOAD)


@case("enqueue/batches")
async def _(ns: Namespace, folder: Path) -> Call:
    tasks = [steps.new_task() for _ in range(650)]
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
    await steps.add(ns, 350)
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


# People change tasks.


@case("cancel")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns)
    return lambda ns: Tasks(ns).cancel(task_id, reason="no")


@case("cancel/running")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await steps.running(ns)
    return lambda ns: Tasks(ns).cancel(claim.task_id, reason="no")


@case("remove")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await retiring.ended(ns)
    return lambda ns: removing(ns)([claim.task_id])


@case("rename")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns, name="old")
    return lambda ns: renaming(ns, "new")([task_id])


@case("label")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns, labels={"old": "1"})
    return lambda ns: Labels(ns).change(task_id, {"a": "b"}, remove=["old"])


@case("replace_arguments")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns, is_draft=True)
    new: list[Argument] = [
        task_id,
        b"signed",
        b"anew",
        shape_id(steps.GPU),
        encode(steps.GPU),
        5,
        b'{"lr":"1"}',
    ]
    return lambda ns: ns.scripts.replace_arguments(new)


@case("enqueue_draft")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns, is_draft=True)
    return lambda ns: Drafts(ns).enqueue(task_id)


@case("dequeue")
async def _(ns: Namespace, folder: Path) -> Call:
    (task_id,) = await steps.add(ns)
    return lambda ns: Drafts(ns).dequeue(task_id)


@case("reset")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await retiring.ended(ns)
    return lambda ns: Drafts(ns).reset(claim.task_id)


def _move(name: str, move: Callable[[Moves, Any, Any], Awaitable[Any]]) -> None:
    """Note the case of a move of the third of five tasks; a neighbour is the last one."""

    @case(name)
    async def _(ns: Namespace, folder: Path) -> Call:
        ids = await steps.add(ns, 5)
        return lambda ns: move(Moves(ns), ids[2], ids[4])


_move("move_top", lambda moves, task, other: moves.to_top(task))
_move("move_bottom", lambda moves, task, other: moves.to_bottom(task))
_move("move_before", lambda moves, task, other: moves.before(task, other))
_move("move_after", lambda moves, task, other: moves.after(task, other))
_move("move_by", lambda moves, task, other: moves.by(task, 1))
_move("move_to_queue", lambda moves, task, other: moves.to_queue(task, "r"))
_move("set_priority", lambda moves, task, other: moves.set_priority(task, 7))


# People change queues and workers.


def _queue(name: str, change: Callable[[QueueSettings], Awaitable[Any]]) -> None:
    """Note the case of a setting of a queue that has a task and a worker that waits."""

    @case(name)
    async def _(ns: Namespace, folder: Path) -> Call:
        await QueueSettings(ns).create("q")
        if name == "resume_queue":
            await QueueSettings(ns).pause("q")
        await steps.claim(ns, park=True)
        await steps.add(ns)
        return lambda ns: change(QueueSettings(ns))


_queue("describe_queue", lambda queues: queues.create("q", description="new"))
_queue("pause_queue", lambda queues: queues.pause("q"))
_queue("resume_queue", lambda queues: queues.resume("q"))
_queue("limit_queue", lambda queues: queues.limit("q", 3))
_queue("weigh_queue", lambda queues: queues.weigh("q", 2.5))
_queue("age_queue", lambda queues: queues.age("q", 60_000))


@case("purge_queue")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.add(ns, 3)

    async def purge(ns: Namespace) -> int:
        return [count async for count in QueueRemoval(ns).purge("q")][-1]

    return purge


@case("delete_queue")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.ended(ns)
    return lambda ns: QueueRemoval(ns).delete("q", force=True)


def _worker(name: str, tell: Callable[[Draining], Awaitable[Any]]) -> None:
    """Note the case of what a worker is told."""

    @case(name)
    async def _(ns: Namespace, folder: Path) -> Call:
        await steps.beat(ns)
        await steps.claim(ns, park=True)
        if name == "resume_worker":
            await Draining(ns).pause("w")
        if name == "undrain":
            await Draining(ns).drain("w")
        return lambda ns: tell(Draining(ns, who="ada"))


_worker("drain", lambda workers: workers.drain("w"))
_worker("undrain", lambda workers: workers.undrain("w"))
_worker("stop", lambda workers: workers.stop("w"))
_worker("restart", lambda workers: workers.restart("w"))
_worker("pause_worker", lambda workers: workers.pause("w"))
_worker("resume_worker", lambda workers: workers.resume("w", for_ms=60_000))


@case("label_worker")
async def _(ns: Namespace, folder: Path) -> Call:
    await steps.beat(ns)
    return lambda ns: WorkerLabels(ns).change("w", {"a": "b"}, remove=["c"])


# Tasks leave Redis.


@case("archive")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await retiring.ended(ns)
    return lambda ns: Purging(ns).archive(claim.task_id)


@case("collect")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    return lambda ns: Purging(ns).collect()


@case("uncollect")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    tasks = await retiring.collect(ns)
    return lambda ns: Purging(ns).give_back(tasks)


@case("archived")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    tasks = await retiring.collect(ns)
    return lambda ns: Purging(ns).note_archived(tasks)


@case("purge")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.archived(ns)
    return lambda ns: retiring.purge(ns)


# Schedules.


@case("schedule_add")
async def _(ns: Namespace, folder: Path) -> Call:
    new = timetable.new_schedule(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).add(new, timetable.UPLOAD)


@case("schedule_add/replaces")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    new = timetable.new_schedule(ns, timetable.someone(folder), zone="UTC")
    return lambda ns: Schedules(ns).add(new, timetable.UPLOAD, replaces=True)


@case("schedule_remove")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).remove("nightly")


@case("schedule_pause")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).pause("nightly", reason="why")


@case("schedule_resume")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    await Schedules(ns).pause("nightly")
    return lambda ns: Schedules(ns).resume("nightly")


@case("cron_fire")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    await timetable.come_due(ns)
    due, now_ms = await timetable.look(timetable.firing(ns, folder))
    return lambda ns: timetable.firing(ns, folder).fire(due, now_ms)
