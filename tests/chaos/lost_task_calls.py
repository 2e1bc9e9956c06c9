"""What people change of tasks, queues and workers."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rq_agent.broker.drafts import Drafts
from rq_agent.broker.draining import Draining
from rq_agent.broker.labels import Labels
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import encode, shape_id
from rq_agent.broker.queue_removal import QueueRemoval
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.scripts import Argument
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.verbs import removing, renaming
from rq_agent.broker.worker_labels import WorkerLabels

from ..scripts import retiring, steps
from .lost_call import Call, case

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
