"""What people change in queues, to be measured. A new verb is a function and a line in CHANGES."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from rq_agent.broker.drafts import Drafts
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import MOST_STEPS, Moves
from rq_agent.broker.queue_settings import QueueSettings

from .backlog import QUEUES, Backlog, Call, Verb
from .stage import QUEUE

_Move = Callable[[Moves, TaskId], Awaitable[object]]


@asynccontextmanager
async def _move(backlog: Backlog, *, move: _Move) -> AsyncIterator[Call]:
    task_id = await backlog.amid()
    yield lambda: move(Moves(backlog.namespace), task_id)


@asynccontextmanager
async def _move_before(backlog: Backlog) -> AsyncIterator[Call]:
    task_id, other_id = await backlog.amid(), await backlog.amid()
    yield lambda: Moves(backlog.namespace).before(task_id, other_id)


@asynccontextmanager
async def _cancel(backlog: Backlog) -> AsyncIterator[Call]:
    task_id = await backlog.amid()
    yield lambda: backlog.tasks.cancel(task_id, reason="not needed")


@asynccontextmanager
async def _dequeue(backlog: Backlog) -> AsyncIterator[Call]:
    task_id = await backlog.amid()
    yield lambda: Drafts(backlog.namespace).dequeue(task_id)


@asynccontextmanager
async def _enqueue_draft(backlog: Backlog) -> AsyncIterator[Call]:
    task_id = await backlog.amid()
    await Drafts(backlog.namespace).dequeue(task_id)
    yield lambda: Drafts(backlog.namespace).enqueue(task_id)


@asynccontextmanager
async def _pause(backlog: Backlog) -> AsyncIterator[Call]:
    yield lambda: QueueSettings(backlog.namespace).pause(QUEUE)
    await QueueSettings(backlog.namespace).resume(QUEUE)


@asynccontextmanager
async def _resume(backlog: Backlog) -> AsyncIterator[Call]:
    await QueueSettings(backlog.namespace).pause(QUEUE)
    yield lambda: QueueSettings(backlog.namespace).resume(QUEUE)


_MOVES: Final[Mapping[str, tuple[str, _Move]]] = {
    "move-top": ("move to the top", lambda moves, task_id: moves.to_top(task_id)),
    "move-bottom": ("move to the bottom", lambda moves, task_id: moves.to_bottom(task_id)),
    "move-by": (
        f"move by {MOST_STEPS:,} places",
        lambda moves, task_id: moves.by(task_id, MOST_STEPS),
    ),
    "move-to-queue": (
        "move to another queue",
        lambda moves, task_id: moves.to_queue(task_id, QUEUES[1]),
    ),
    "set-priority": ("change a priority", lambda moves, task_id: moves.set_priority(task_id, 1)),
}

CHANGES: Final[Mapping[str, Verb]] = {
    **{name: Verb(title, partial(_move, move=move)) for name, (title, move) in _MOVES.items()},
    "move-before": Verb("move before another one", _move_before),
    "cancel": Verb("cancel a waiting one", _cancel),
    "dequeue": Verb("make a draft of a waiting one", _dequeue),
    "enqueue-draft": Verb("enqueue a draft", _enqueue_draft),
    "pause": Verb("pause a queue", _pause),
    "resume": Verb("resume a queue", _resume),
}
