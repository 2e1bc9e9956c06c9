"""Adding tasks, and cancelling them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from . import retention
from .definition import Digest
from .errors import TaskNotFound, UsageError
from .keys import NAME_PATTERN, TaskId
from .namespace import Namespace
from .needs import Need, encode, shape_id
from .scripts import Argument

BATCH: Final = 200
"""Tasks in one call of the script."""
_PIPELINE: Final = 16
_MAX_TEXT: Final = 255
_SHORT_BYTES: Final = 64
"""A longer field would turn the hash of a task from a compact list into a table."""

QueueName = Annotated[str, msgspec.Meta(pattern=rf"\A{NAME_PATTERN.pattern}\Z")]


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task to add. Everything here but the envelope may change later without a signature."""

    id: TaskId
    queue: QueueName
    definition: Digest
    envelope: bytes
    """Signed; opaque to Redis."""
    name: str = ""
    user: str = ""
    need: Need = Need()
    priority: Annotated[int, msgspec.Meta(ge=-128, le=127)] = 0
    """Higher is sooner."""
    labels: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    """Overrides, as told to people; the signed ones count."""
    delay_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    lease_ms: Annotated[int, msgspec.Meta(ge=1)] = 60_000
    max_lost: Annotated[int, msgspec.Meta(ge=0)] = 3
    """Lost leases until the task counts as what kills its workers."""
    queue_timeout_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Expires when it was not claimed so long after its delay; 0: never."""
    timeout_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Told to people; the signed one counts. 0: none."""


class DefinitionUpload(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that may be new to Redis."""

    encoded: bytes
    blobs: tuple[str, ...] = ()
    """Digests of the blobs that it refers to; uploaded before."""


class EnqueueOutcome(StrEnum):
    """What became of a task that was to be added."""

    QUEUED = "queued"
    DELAYED = "delayed"
    DUPLICATE = "duplicate"  # the id exists: an earlier call had arrived
    MISSING_DEFINITION = "missing-definition"  # neither stored nor sent along: nothing written
    MISSING_BLOB = "missing-blob"  # not stored, or no longer: nothing written


class Enqueued(msgspec.Struct, frozen=True):
    """The answer for one task."""

    id: TaskId
    outcome: EnqueueOutcome


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
            UsageError: a queue, name, label or priority is not acceptable; nothing was added.
        """
        for task in tasks:
            _check(task)
        batches = [tasks[n : n + BATCH] for n in range(0, len(tasks), BATCH)]
        outcomes: list[bytes] = []
        for n in range(0, len(batches), _PIPELINE):
            calls = [_arguments(batch, definitions) for batch in batches[n : n + _PIPELINE]]
            for reply in await self._ns.scripts.enqueue.many(calls):
                outcomes += reply
        return [
            Enqueued(task.id, EnqueueOutcome(outcome.decode()))
            for task, outcome in zip(tasks, outcomes, strict=True)
        ]

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


def _check(task: NewTask) -> None:
    if not NAME_PATTERN.fullmatch(task.queue):
        raise UsageError(
            f"queue {task.queue!r} is not a name; use up to 63 letters, digits, '_', '-' and '.'"
        )
    if not -128 <= task.priority <= 127:
        raise UsageError(f"priority {task.priority} is not between -128 and 127")
    if max(len(task.name), len(task.user)) > _MAX_TEXT:
        raise UsageError(f"a name has at most {_MAX_TEXT} characters, not {len(task.name)}")
    for label, value in task.labels.items():
        if len(label) + len(value) > _MAX_TEXT or "=" in label or not label:
            raise UsageError(
                f"label {label!r} is not acceptable; use key=value with at most {_MAX_TEXT} characters"
            )


def _arguments(
    tasks: Sequence[NewTask], definitions: Mapping[str, DefinitionUpload]
) -> list[Argument]:
    used = {task.definition: definitions.get(task.definition) for task in tasks}
    uploads = {digest: upload for digest, upload in used.items() if upload is not None}
    arguments: list[Argument] = [len(uploads), len(tasks)]
    for digest, upload in uploads.items():
        arguments += [digest, upload.encoded, len(upload.blobs), *upload.blobs]
    needs: dict[Need, tuple[str, bytes]] = {}
    for task in tasks:
        if (need := needs.get(task.need)) is None:
            need = needs[task.need] = (shape_id(task.need), encode(task.need))
        arguments += [task.id, task.queue, *need, *_fields(task)]
    return arguments


def _fields(task: NewTask) -> list[Argument]:
    return [
        task.priority,
        _short(task.name),
        _short(task.user),
        task.definition,
        task.envelope,
        task.delay_ms,
        task.lease_ms,
        task.max_lost,
        task.queue_timeout_ms,
        task.timeout_ms,
        task.name,
        _json(task.labels),
        _json(task.params),
        len(task.labels),
        *(f"{name}={value}" for name, value in task.labels.items()),
    ]


def _short(text: str) -> bytes:
    """Return the beginning of a text in at most 64 bytes of UTF-8."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= _SHORT_BYTES:
        return encoded
    return encoded[:_SHORT_BYTES].decode("utf-8", "ignore").encode()


def _json(values: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(values) if values else b""
