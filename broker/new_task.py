"""What is told of a task that is to be added, and what is answered."""

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated, Final

import msgspec

from .definition import Digest
from .errors import UsageError
from .keys import NAME_PATTERN, TaskId
from .needs import Need

_MAX_TEXT: Final = 255
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

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
    lease_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """0: as long as the lease of the worker that claims it."""
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


def check(task: NewTask) -> None:
    """Raise UsageError unless Redis can keep the task as it is."""
    if not NAME_PATTERN.fullmatch(task.queue):
        raise UsageError(
            f"queue {task.queue!r} is not a name; use up to 63 letters, digits, '_', '-' and '.'"
        )
    if not -128 <= task.priority <= 127:
        raise UsageError(f"priority {task.priority} is not between -128 and 127")
    if max(len(task.name), len(task.user)) > _MAX_TEXT:
        raise UsageError(f"a name has at most {_MAX_TEXT} characters, not {len(task.name)}")
    for text in (task.name, task.user, *chain(*task.labels.items(), *task.params.items())):
        if not _is_unicode(text):
            raise UsageError(f"{text!r} is not acceptable: it is not valid UTF-8")
    for label, value in task.labels.items():
        if len(label) + len(value) > _MAX_TEXT or "=" in label or not label:
            raise UsageError(
                f"label {label!r} is not acceptable; use key=value with at most {_MAX_TEXT} characters"
            )


def _is_unicode(text: str) -> bool:
    """Return whether a text has no bytes in it that a terminal could not decode."""
    return text.isascii() or not _SURROGATE.search(text)
