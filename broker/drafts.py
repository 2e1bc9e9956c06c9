"""Drafts: tasks on no queue. Put on one, taken back, made anew of tasks that ended."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from . import keys, retention
from .answers import Answer, checked, of_reply
from .envelope import MAX_BYTES, expiry_of
from .errors import UsageError
from .keys import TaskId
from .names import check_queue
from .namespace import Namespace
from .new_task import MAX_AHEAD_MS, MAX_TIME_MS
from .replies import kept
from .scripts import Argument, Script
from .states import FINAL, TaskState

_LIVE: Final = frozenset(TaskState) - FINAL - {TaskState.DRAFT}
_DRAFT: Final = frozenset({TaskState.DRAFT})


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a draft is to wait. What is not given is as its record says."""

    queue: str = ""
    priority: int | None = None
    delay_ms: int = 0
    at_ms: int = 0
    """Not before this time, Unix ms; it counts instead of the delay. 0: none."""
    drops_parents: bool = False
    """It forgets the tasks that it was to wait for."""
    replaces: bool = False
    """A task that holds its uniqueness key and has not started is cancelled for it."""


class Drafts:
    """Makes drafts of tasks, and tasks of drafts. Every call may be repeated.

    Methods for one task raise TaskNotFound, WrongState and TaskError; those for many, of at most
    200 tasks a call, tell such problems in their answers.
    """

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def enqueue(self, task_id: TaskId, placement: Placement | None = None) -> Answer:
        """Put a draft behind all others of its priority.

        Returns:
            `enqueued` with the state that it has now, or `unchanged` where it is no draft any more.
        """
        [answer] = await self.enqueue_many([task_id], placement)
        return checked(answer)

    async def dequeue(self, task_id: TaskId) -> Answer:
        """Make a draft of a task that waits."""
        [answer] = await self.dequeue_many([task_id])
        return checked(answer)

    async def reset(self, task_id: TaskId) -> Answer:
        """Make a draft of a task that ended."""
        [answer] = await self.reset_many([task_id])
        return checked(answer)

    async def enqueue_many(
        self, ids: Sequence[TaskId], placement: Placement | None = None
    ) -> list[Answer]:
        """Put drafts on a queue, in this order.

        Raises:
            UsageError: no queue, priority or time is like that; nothing was changed.
        """
        placement = placement or Placement()
        _check(placement)
        expired = await self._expired(ids, placement)
        sound = [task_id for task_id in ids if task_id not in expired]
        rest = _arguments(placement)
        done = await self._each(self._ns.scripts.enqueue_draft, sound, _LIVE, *rest)
        answers = {answer.id: answer for answer in done}
        return [answers.get(task_id, Answer(task_id, "expired")) for task_id in ids]

    async def dequeue_many(self, ids: Sequence[TaskId]) -> list[Answer]:
        """Make drafts of tasks that wait."""
        return await self._each(self._ns.scripts.dequeue, ids, _DRAFT)

    async def reset_many(self, ids: Sequence[TaskId]) -> list[Answer]:
        """Make drafts of tasks that ended."""
        return await self._each(self._ns.scripts.reset, ids, _DRAFT)

    async def _each(
        self,
        script: Script,
        ids: Sequence[TaskId],
        settled: frozenset[TaskState],
        *arguments: Argument,
    ) -> list[Answer]:
        replies = await script.many([[task_id, *arguments] for task_id in ids]) if ids else []
        states = frozenset(state.value for state in settled)
        return [of_reply(i, r, settled=states) for i, r in zip(ids, replies, strict=True)]

    async def _expired(self, ids: Sequence[TaskId], placement: Placement) -> set[TaskId]:
        """Return the drafts that no worker would run any more when their time has come.

        Only to tell people early: who runs a task verifies all of its envelope.
        """
        start_s = max(time.time() + placement.delay_ms / 1000, placement.at_ms / 1000)
        p = self._ns.prefix
        pipe = self._ns.redis.pipeline(transaction=False)
        for task_id in ids:
            pipe.hget(keys.task(p, task_id), "state")
            pipe.getrange(keys.arguments(p, task_id), 0, MAX_BYTES)
        replies = [kept(reply, b"") for reply in await pipe.execute(raise_on_error=False)]
        found = zip(ids, replies[0::2], replies[1::2], strict=True)
        return {
            task_id
            for task_id, state, envelope in found
            if state == b"draft"
            and (expiry_s := expiry_of(envelope)) is not None
            and expiry_s < start_s
        }


def _check(placement: Placement) -> None:
    if placement.queue:
        check_queue(placement.queue)
    if not -128 <= (placement.priority or 0) <= 127:
        raise UsageError(f"priority {placement.priority} is not between -128 and 127")
    if not 0 <= placement.delay_ms <= MAX_AHEAD_MS:
        raise UsageError("the delay is longer than ten years")
    if not 0 <= placement.at_ms <= MAX_TIME_MS:
        raise UsageError("the time to start at is later than the year 2200")


def _arguments(placement: Placement) -> list[Argument]:
    return [
        placement.queue,
        "" if placement.priority is None else placement.priority,
        placement.delay_ms,
        placement.at_ms,
        "drop" if placement.drops_parents else "keep",
        "replace" if placement.replaces else "keep",
        retention.RECORD_MS,
    ]
