"""Enqueues many tasks cheaply, and writes down which of them redis promised to keep."""

import time
from typing import Any, Final

import anyio

from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.ids import TaskIds
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import BATCH, DefinitionUpload, Enqueued, EnqueueOutcome, NewTask, Tasks

from .ledger import Ledger, Line

_DEFINITION: Final = "0" * 64
_UPLOAD: Final = {_DEFINITION: DefinitionUpload(encoded=b"not verified by light workers")}
_ADDED: Final = frozenset(
    # Sent again after a lost answer, it is a duplicate of itself.
    {
        EnqueueOutcome.QUEUED,
        EnqueueOutcome.DELAYED,
        EnqueueOutcome.WAITING,
        EnqueueOutcome.SKIPPED,
        EnqueueOutcome.DUPLICATE,
    }
)
_RETRY_S: Final = 0.1


class Submitter:
    """Tasks for light workers: nobody signs them, nobody verifies them."""

    def __init__(self, ns: Namespace, ledger: Ledger, *, name: str = "submitter") -> None:
        self._tasks = Tasks(ns)
        self._pen = ledger.pen(name)
        self._ids = TaskIds()
        self._sent = 0

    async def enqueue(
        self, count: int, *, queue: str = "default", batch: int = BATCH, **options: Any
    ) -> list[TaskId]:
        """Add tasks in their order and return their ids, however long redis is away.

        Args:
            count: how many.
            queue: where.
            batch: tasks of one call, at most 200.
            options: of NewTask. A name such as `250ms` is how long a light worker works on it.
        """
        options.setdefault("max_lost", 1_000)  # a storm is no fault of the task
        added: list[TaskId] = []
        while len(added) < count:
            some = [
                NewTask(
                    id=self._ids.new(),
                    queue=queue,
                    definition=_DEFINITION,
                    envelope=b"unsigned",
                    **options,
                )
                for _ in range(min(batch, count - len(added)))
            ]
            self._ack(await self._send(some))
            added += [task.id for task in some]
        return added

    async def _send(self, tasks: list[NewTask]) -> list[Enqueued]:
        while True:
            try:
                return await self._tasks.enqueue(tasks, _UPLOAD)
            except BrokerUnavailable:
                await anyio.sleep(_RETRY_S)

    def _ack(self, answers: list[Enqueued]) -> None:
        assert {answer.outcome for answer in answers} <= _ADDED, answers
        now_s = time.monotonic()
        self._pen.write(
            *(
                Line(kind="acked", at=now_s, id=answer.id, number=self._sent + n)
                for n, answer in enumerate(answers)
            )
        )
        self._sent += len(answers)
