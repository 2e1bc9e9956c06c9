"""Verbs for up to 200 tasks in one round trip, each with an answer of its own.

`Drafts.enqueue_many`, `dequeue_many`, `reset_many` and `Labels.change_many` are such verbs too.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from . import blobs, retention
from .answers import Answer, of_reply
from .decoding import text
from .errors import UsageError
from .keys import TaskId
from .names import check_queue
from .namespace import Namespace
from .new_task import check_name, shortened
from .scripts import Argument, Script

Verb = Callable[[Sequence[TaskId]], Awaitable[list[Answer]]]
"""Answers for tasks in their order. Doing it twice does no harm."""

_NOBODY: Final[frozenset[str]] = frozenset()
_CROWDED: Final = "a thousand tasks at one place of a queue"


def cancelling(ns: Namespace, *, reason: str = "", grace_ms: int | None = None) -> Verb:
    """Return what ends tasks, or asks their workers to: cancelled, requested, final or missing."""
    grace = "" if grace_ms is None else grace_ms

    async def cancel(ids: Sequence[TaskId]) -> list[Answer]:
        calls = [[task_id, reason, grace, retention.RECORD_MS] for task_id in ids]
        replies = await ns.scripts.cancel.many(calls)
        pairs = zip(ids, replies, strict=True)
        return [Answer(task_id, text(reply) or "missing") for task_id, reply in pairs]

    return cancel


def archiving(ns: Namespace) -> Verb:
    """Return what lets final tasks leave Redis as soon as the archive has them."""

    async def archive(ids: Sequence[TaskId]) -> list[Answer]:
        replies = await ns.scripts.archive.many([[task_id] for task_id in ids])
        return [_archived(i, text(reply)) for i, reply in zip(ids, replies, strict=True)]

    return archive


def removing(ns: Namespace) -> Verb:
    """Return what forgets drafts and tasks that ended; the archive keeps what it has of them."""

    async def remove(ids: Sequence[TaskId]) -> list[Answer]:
        ttl_ms = blobs.TTL_S * 1000
        replies = await ns.scripts.remove.many([[task_id, ttl_ms] for task_id in ids])
        return [of_reply(i, r, settled=_NOBODY) for i, r in zip(ids, replies, strict=True)]

    return remove


def renaming(ns: Namespace, name: str) -> Verb:
    """Return what gives tasks a name, whatever their state; raise UsageError for no such name."""
    check_name(name)
    short = shortened(name)

    async def rename(ids: Sequence[TaskId]) -> list[Answer]:
        replies = await ns.scripts.rename.many([[task_id, short, name] for task_id in ids])
        return [of_reply(i, r, settled=_NOBODY) for i, r in zip(ids, replies, strict=True)]

    return rename


def prioritizing(ns: Namespace, priority: int) -> Verb:
    """Return what changes how urgent tasks are; raise UsageError for no such priority."""
    if not -128 <= priority <= 127:
        raise UsageError(f"priority {priority} is not between -128 and 127")
    return _moving(ns.scripts.set_priority, priority)


def moving(ns: Namespace, queue: str) -> Verb:
    """Return what lets tasks wait in another queue; raise UsageError for no such name."""
    check_queue(queue)
    return _moving(ns.scripts.move_to_queue, queue)


def _moving(script: Script, argument: Argument) -> Verb:
    async def move(ids: Sequence[TaskId]) -> list[Answer]:
        replies = await script.many([[task_id, argument] for task_id in ids])
        answers = [of_reply(i, r, settled=_NOBODY) for i, r in zip(ids, replies, strict=True)]
        return [Answer(a.id, a.outcome, _CROWDED) if a.outcome == "crowded" else a for a in answers]

    return move


def _archived(task_id: TaskId, reply: str) -> Answer:
    if reply == "archived":
        return Answer(task_id, reply)
    return Answer(task_id, "state", reply) if reply else Answer(task_id, "missing")
