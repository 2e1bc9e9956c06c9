"""What is asked about single tasks, of Redis and of the model."""

from collections.abc import Awaitable

from rq_agent.broker.drafts import Drafts, Placement
from rq_agent.broker.errors import TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved as RealMoved
from rq_agent.broker.moves import Moves
from rq_agent.broker.new_task import Condition, NewTask, Parent
from rq_agent.broker.purging import Collected as RealCollected
from rq_agent.broker.purging import Purging
from rq_agent.broker.tasks import Tasks
from tests.scripts.steps import DIGEST, UPLOAD

from . import adding, drafting, ending, ordering, retiring
from .adding import Spec
from .base import NEEDS, Base
from .drafting import Placing
from .moves import RETENTION_MS
from .ordering import Moved
from .same import same

_COLLECT_LEASE_MS = 120_000


class TaskCalls(Base):
    """Adding, moving, cancelling, making drafts, letting go."""

    def enqueue(self, specs: list[Spec]) -> None:
        told = self.run(Tasks(self.ns).enqueue([_new_task(spec) for spec in specs], UPLOAD))
        said = [f"{e.outcome}:{e.other}" if e.other else e.outcome.value for e in told]
        same(said, adding.enqueue(self.state, self.now, specs))

    def cancel(self, task_id: str, grace_ms: int | None) -> None:
        code = self.run(self.ns.scripts.cancel([task_id, "", _text(grace_ms), RETENTION_MS]))
        same(code.decode(), ending.cancel(self.state, self.now, task_id, grace_ms=grace_ms))

    def move(self, task_id: str, how: str, argument: str | int = "") -> None:
        moves, task = Moves(self.ns), TaskId(task_id)
        match how, argument:
            case "top", _:
                call, expected = moves.to_top(task), ordering.move_top(self.state, task_id)
            case "bottom", _:
                call, expected = moves.to_bottom(task), ordering.move_bottom(self.state, task_id)
            case "by", int(steps):
                call, expected = moves.by(task, steps), ordering.move_by(self.state, task_id, steps)
            case "priority", int(priority):
                call = moves.set_priority(task, priority)
                expected = ordering.set_priority(self.state, task_id, priority)
            case "queue", str(queue):
                call = moves.to_queue(task, queue)
                expected = ordering.move_to_queue(self.state, task_id, queue)
            case "before", str(other):
                call = moves.before(task, TaskId(other))
                expected = ordering.move_before(self.state, task_id, other)
            case _, other:
                call = moves.after(task, TaskId(str(other)))
                expected = ordering.move_after(self.state, task_id, str(other))
        same(self.run(_answer(call)), expected)
        if expected[0] == "moved":
            ordering.learn(self.state, self.orders(), self.sequences())

    def dequeue(self, task_id: str) -> None:
        (told,) = self.run(Drafts(self.ns).dequeue_many([TaskId(task_id)]))
        same((told.outcome, told.detail), drafting.dequeue(self.state, task_id))

    def reset(self, task_id: str) -> None:
        (told,) = self.run(Drafts(self.ns).reset_many([TaskId(task_id)]))
        same((told.outcome, told.detail), drafting.reset(self.state, task_id))

    def enqueue_draft(self, task_id: str, placing: Placing) -> None:
        placement = Placement(
            queue=placing.queue,
            priority=placing.priority,
            delay_ms=placing.delay_ms,
            at_ms=placing.at_ms,
            drops_parents=placing.drops,
            replaces=placing.replaces,
        )
        (told,) = self.run(Drafts(self.ns).enqueue_many([TaskId(task_id)], placement))
        expected = drafting.enqueue_draft(self.state, self.now, task_id, placing)
        same((told.outcome, told.detail), expected)

    def archive(self, task_id: str) -> None:
        told = self.run(self.ns.scripts.archive([task_id])).decode()
        same(told, retiring.archive(self.state, self.now, task_id))

    def collect(self, limit: int) -> list[RealCollected]:
        """Return what an archiver is given."""
        told, _ = self.run(Purging(self.ns).collect(limit, lease_ms=_COLLECT_LEASE_MS))
        said = [(task.task_id, int(task.finished_ms)) for task in told]
        same(said, retiring.collect(self.state, self.now, limit, _COLLECT_LEASE_MS))
        return told

    def note_archived(self, collected: list[RealCollected]) -> None:
        noted = self.run(Purging(self.ns).note_archived(collected))
        ends: retiring.Collected = [(t.task_id, int(t.finished_ms)) for t in collected]
        same(noted, retiring.note_archived(self.state, self.now, ends))

    def purge(self, limit: int) -> None:
        told = self.run(Purging(self.ns).purge(limit))
        said = (told.purged, told.unarchived, told.needed)
        same(said, retiring.purge(self.state, self.now, limit))
        assert told.dropped == 0


async def _answer(call: Awaitable[RealMoved]) -> Moved:
    try:
        told = await call
    except TaskNotFound:
        return "missing", None
    except WrongState:
        return "state", None
    except UsageError:
        return "usage", None
    return ("moved" if told.is_changed else "unchanged"), told.position


def _new_task(spec: Spec) -> NewTask:
    return NewTask(
        id=TaskId(spec.id),
        queue=spec.queue,
        definition=DIGEST,
        envelope=b"signed",
        need=NEEDS[spec.shape],
        priority=spec.priority,
        delay_ms=spec.delay_ms,
        at_ms=spec.at_ms,
        queue_timeout_ms=spec.queue_timeout_ms,
        max_lost=spec.max_lost,
        lease_ms=spec.lease_ms,
        concurrency_key=spec.key,
        concurrency_limit=spec.key_limit,
        unique=spec.unique,
        replaces=spec.replace,
        is_draft=spec.is_draft,
        parents=tuple(Parent(TaskId(i), Condition(condition)) for condition, i in spec.parents),
    )


def _text(grace_ms: int | None) -> str:
    return "" if grace_ms is None else str(grace_ms)
