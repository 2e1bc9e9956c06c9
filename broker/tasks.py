"""Adding tasks, and cancelling them."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from . import retention
from .decoding import text
from .errors import TaskNotFound
from .keys import TaskId
from .namespace import Namespace
from .needs import encode, shape_id
from .new_task import (
    DefinitionUpload,
    Enqueued,
    EnqueueOutcome,
    NewTask,
    check,
    check_order,
    check_own,
    shortened,
)
from .scripts import Argument

__all__ = [
    "CancelOutcome",
    "DefinitionUpload",
    "EnqueueOutcome",
    "Enqueued",
    "NewTask",
    "Tasks",
]

BATCH: Final = 200
"""Tasks in one call of the script."""
_OUTCOMES: Final = {outcome.value.encode(): outcome for outcome in EnqueueOutcome}


class CancelOutcome(StrEnum):
    """What a cancel did."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"  # it runs: its worker is told
    FINAL = "final"  # it had ended before


class Tasks:
    """Changes tasks from outside of a worker."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def enqueue(
        self, tasks: Sequence[NewTask], definitions: Mapping[str, DefinitionUpload]
    ) -> list[Enqueued]:
        """Add tasks in their order. Safe to repeat: an id that exists is left alone.

        Args:
            tasks: any number; each batch of 200 is added or not as a whole.
            definitions: by digest; those that Redis has need not be among them.

        Returns:
            One answer for each task, in their order.

        Raises:
            UsageError: a queue, name, label, priority, key or parent is not acceptable; nothing
                was added.
        """
        _check_all(tasks, set())
        check_order(tasks)
        batches = list(_batches(tasks))
        if len(batches) > 1:
            return await self.enqueue_batches(batches, definitions)
        if not tasks:
            return []
        return answers(tasks, await self._ns.scripts.enqueue(enqueue_arguments(tasks, definitions)))

    async def enqueue_batches(
        self, batches: Iterable[Sequence[NewTask]], definitions: Mapping[str, DefinitionUpload]
    ) -> list[Enqueued]:
        """Add many tasks in their order, and make each batch while Redis adds those before it.

        Args:
            batches: of 1 to 200 tasks, each added or not as a whole; may sign them on the way.
            definitions: see `enqueue`.

        Raises:
            UsageError: as `enqueue`; batches before this one are added, or may be.
        """
        made: list[Sequence[NewTask]] = []
        checked: set[Hashable] = set()

        def calls() -> Iterator[list[Argument]]:
            for batch in batches:
                _check_all(batch, checked)
                made.append(batch)
                yield enqueue_arguments(batch, definitions)

        replies = await self._ns.scripts.enqueue.overlapped(calls())
        pairs = zip(made, replies, strict=True)
        return [each for batch, reply in pairs for each in answers(batch, reply)]

    async def cancel(
        self, task_id: TaskId, *, reason: str = "", grace_ms: int | None = None
    ) -> CancelOutcome:
        """End a task, or ask its worker to. Cancelling twice does no harm.

        Args:
            task_id: the task.
            reason: told to people.
            grace_ms: between SIGTERM and SIGKILL; None: the task's own.

        Raises:
            TaskNotFound: there is no such task.
        """
        grace = "" if grace_ms is None else grace_ms
        outcome = await self._ns.scripts.cancel([task_id, reason, grace, retention.RECORD_MS])
        if not outcome:
            raise TaskNotFound(task_id)
        return CancelOutcome(outcome.decode())


def _check_all(tasks: Sequence[NewTask], checked: set[Hashable]) -> None:
    """Raise UsageError unless all can be kept; what tasks share is checked once.

    Args:
        tasks: to check.
        checked: kinds of tasks that are fine; those of these tasks are added.
    """
    for task in tasks:
        if (kind := _kind(task)) in checked:
            check_own(task)
        else:
            check(task)
            checked.add(kind)


def _batches(tasks: Sequence[NewTask]) -> Iterator[Sequence[NewTask]]:
    """Yield the tasks in batches, none with two tasks of one uniqueness key that replaces."""
    start = 0
    replacing: set[str] = set()
    for n, task in enumerate(tasks):
        if n - start == BATCH or task.unique in replacing:
            yield tasks[start:n]
            start, replacing = n, set()
        if task.unique:
            replacing.add(task.unique)
    yield tasks[start:]


def answers(tasks: Sequence[NewTask], reply: Sequence[bytes]) -> list[Enqueued]:
    """Return what a script that adds tasks said of each."""
    return [answer(task.id, told) for task, told in zip(tasks, reply, strict=True)]


def answer(task_id: TaskId, told: bytes) -> Enqueued:
    """Return what a script that adds tasks said of one."""
    outcome, _, other = told.partition(b":")
    return Enqueued(task_id, _OUTCOMES[outcome], TaskId(text(other)) if other else None)


def enqueue_arguments(
    tasks: Sequence[NewTask], definitions: Mapping[str, DefinitionUpload]
) -> list[Argument]:
    """Return the arguments of enqueue.lua for 1 to 200 tasks that were checked."""
    used = {task.definition: definitions.get(task.definition) for task in tasks}
    uploads = {digest: upload for digest, upload in used.items() if upload is not None}
    kinds: dict[tuple[object, ...], int] = {}
    of_kinds: list[Argument] = []
    of_tasks: list[Argument] = []
    for task in tasks:
        key = _kind(task)
        if (kind := kinds.get(key)) is None:
            kind = kinds[key] = len(kinds) + 1
            of_kinds += kind_arguments(task)
        of_tasks += (kind, task.id, task.envelope, as_json(task.params))
    arguments: list[Argument] = [len(uploads), len(kinds), len(tasks), retention.RECORD_MS]
    for digest, upload in uploads.items():
        arguments += [digest, upload.encoded, len(upload.blobs), *upload.blobs]
    return arguments + of_kinds + of_tasks


def _kind(task: NewTask) -> tuple[object, ...]:
    """Return what makes two tasks alike but for id, envelope and parameters."""
    return (
        task.queue,
        task.definition,
        task.name,
        task.user,
        task.need,
        task.priority,
        task.delay_ms,
        task.lease_ms,
        task.max_lost,
        task.queue_timeout_ms,
        task.timeout_ms,
        tuple(task.labels.items()) if task.labels else (),
        task.at_ms,
        task.is_draft,
        task.parents,
        task.unique,
        task.replaces,
        task.concurrency_key,
        task.concurrency_limit,
        task.retry,
        task.result_ttl_ms,
    )


def kind_arguments(task: NewTask) -> list[Argument]:
    """Return a kind as enqueue.lua describes it: all but id, envelope and parameters."""
    return [
        task.queue,
        shape_id(task.need),
        encode(task.need),
        task.priority,
        shortened(task.name),
        shortened(task.user),
        task.definition,
        task.delay_ms,
        task.at_ms,
        task.lease_ms,
        task.max_lost,
        task.queue_timeout_ms,
        task.timeout_ms,
        task.name,
        as_json(task.labels),
        2 * len(task.labels),
        *task.labels,
        *(f"{name}={value}" for name, value in task.labels.items()),
        int(task.is_draft),
        task.unique,
        "replace" if task.replaces else "keep",
        task.concurrency_key,
        task.concurrency_limit,
        task.retry,
        task.result_ttl_ms,
        len(task.parents),
        *(part for parent in task.parents for part in (parent.condition.value, parent.id)),
    ]


def as_json(values: Mapping[str, str]) -> bytes:
    """Return texts by name as Redis keeps them; nothing for none."""
    return msgspec.json.encode(values) if values else b""
