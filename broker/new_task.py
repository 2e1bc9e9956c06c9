"""What is told of a task that is to be added, and what is answered."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Annotated, Final

import msgspec

from .definition import Digest
from .errors import UsageError
from .keys import NAME_PATTERN, TaskId
from .names import check_queue
from .needs import Need

_MAX_TEXT: Final = 255
SHORT_BYTES: Final = 64
"""A longer field would turn the hash of a task from a compact list into a table."""
MAX_PARENTS: Final = 1000
MAX_LABELS: Final = 100
MAX_AHEAD_MS: Final = 10 * 366 * 86_400_000
MAX_TIME_MS: Final = 7_258_118_400_000
"""The year 2200: a later time is a slip of the finger."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

QueueName = Annotated[str, msgspec.Meta(pattern=rf"\A{NAME_PATTERN.pattern}\Z")]


class Condition(StrEnum):
    """How a parent must have ended for its child to run."""

    OK = "ok"  # succeeded
    ANY = "any"  # in whatever way
    FAIL = "fail"  # not succeeded


class Parent(msgspec.Struct, frozen=True):
    """A task that another one waits for."""

    id: TaskId
    condition: Condition = Condition.OK


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
    at_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Not before this time, Unix ms; it counts instead of the delay. 0: none."""
    is_draft: bool = False
    """Kept to be edited; on no queue yet."""
    parents: tuple[Parent, ...] = ()
    """Waits for these."""
    unique: str = ""
    """At most one live task has this key; empty: none."""
    replaces: bool = False
    """A task that holds the uniqueness key and has not started is cancelled for this one."""
    concurrency_key: str = ""
    """Tasks that share it run at most `concurrency_limit` at a time; empty: none."""
    concurrency_limit: Annotated[int, msgspec.Meta(ge=1)] = 1
    retry: str = ""
    """A retry policy as text, see retries.py; empty: never retried."""
    result_ttl_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How long its result is kept; 0: as long as its record."""


class DefinitionUpload(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that may be new to Redis."""

    encoded: bytes
    blobs: tuple[str, ...] = ()
    """Digests of the blobs that it refers to; uploaded before."""


class EnqueueOutcome(StrEnum):
    """What became of a task that was to be added."""

    QUEUED = "queued"
    DELAYED = "delayed"
    WAITING = "waiting"  # for its parents
    DRAFT = "draft"
    SKIPPED = "skipped"  # a parent had ended otherwise
    DUPLICATE = "duplicate"  # the id exists: an earlier call had arrived
    MISSING_DEFINITION = "missing-definition"  # neither stored nor sent along: nothing written
    MISSING_BLOB = "missing-blob"  # not stored, or no longer: nothing written
    PAST = "past"  # its time lies back: nothing written
    UNKNOWN_PARENT = "unknown-parent"  # it does not exist, or no longer: nothing written
    UNIQUE = "unique"  # another live task has the key: nothing written


ADDED: Final = frozenset(
    {
        EnqueueOutcome.QUEUED,
        EnqueueOutcome.DELAYED,
        EnqueueOutcome.WAITING,
        EnqueueOutcome.DRAFT,
        EnqueueOutcome.SKIPPED,
    }
)
"""There is a new task."""


class Enqueued(msgspec.Struct, frozen=True):
    """The answer for one task."""

    id: TaskId
    outcome: EnqueueOutcome
    other: TaskId | None = None
    """The parent that is unknown, or the task that has the uniqueness key."""


def check(task: NewTask) -> None:
    """Raise UsageError unless Redis can keep the task as it is."""
    _check_shared(task)
    check_own(task)


def check_own(task: NewTask) -> None:
    """Do what is left of `check` after one that differs in id, envelope and parameters only."""
    for text in chain(*task.params.items()):
        if not _is_unicode(text):
            raise UsageError(f"{_begin(text)} is not acceptable: it is not valid UTF-8")
    if task.parents:
        _check_parents(task)


def _check_shared(task: NewTask) -> None:
    check_queue(task.queue)
    if not -128 <= task.priority <= 127:
        raise UsageError(f"priority {task.priority} is not between -128 and 127")
    if max(len(task.name), len(task.user)) > _MAX_TEXT:
        raise UsageError(f"a name has at most {_MAX_TEXT} characters, not {len(task.name)}")
    for text in (task.name, task.user):
        if not _is_unicode(text):
            raise UsageError(f"{_begin(text)} is not acceptable: it is not valid UTF-8")
    _check_keys(task)
    check_labels(task.labels)


def check_name(name: str) -> None:
    """Raise UsageError unless a task may have this name."""
    if len(name) > _MAX_TEXT:
        raise UsageError(f"a name has at most {_MAX_TEXT} characters, not {len(name)}")
    if not _is_unicode(name):
        raise UsageError(f"{_begin(name)} is not acceptable: it is not valid UTF-8")


def shortened(value: str) -> bytes:
    """Return the beginning of a text in at most 64 bytes of UTF-8, as a record holds it."""
    encoded = value.encode("utf-8", "replace")
    if len(encoded) <= SHORT_BYTES:
        return encoded
    return encoded[:SHORT_BYTES].decode("utf-8", "ignore").encode()


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise UsageError unless a task may have these labels."""
    if len(labels) > MAX_LABELS:
        raise UsageError(f"{len(labels)} labels are too many: a task has at most {MAX_LABELS}")
    for label, value in labels.items():
        if not _is_unicode(label + value):
            raise UsageError(f"{_begin(label + value)} is not acceptable: it is not valid UTF-8")
        if len(label) + len(value) > _MAX_TEXT or "=" in label or not label:
            raise UsageError(
                f"label {_begin(label)} is not acceptable;"
                f" use key=value with at most {_MAX_TEXT} characters"
            )


def _begin(text: str) -> str:
    """Return a text as a person may read it in an error, whatever its length."""
    return repr(text if len(text) <= SHORT_BYTES else f"{text[:SHORT_BYTES]}…")


def _check_keys(task: NewTask) -> None:
    for what, key in (("unique key", task.unique), ("concurrency key", task.concurrency_key)):
        if len(key.encode("utf-8", "replace")) > SHORT_BYTES or not _is_unicode(key):
            raise UsageError(f"{what} {key[:70]!r}: use at most {SHORT_BYTES} bytes of UTF-8")
        if key and not key.isprintable():
            raise UsageError(f"{what} {key!r}: use characters that can be printed")
    if len(task.retry) > SHORT_BYTES:
        raise UsageError(f"retry policy {_begin(task.retry)}: it has more than {SHORT_BYTES} bytes")
    for what, length_ms in (
        ("delay", task.delay_ms),
        ("queue timeout", task.queue_timeout_ms),
        ("time to keep the result", task.result_ttl_ms),
    ):
        if length_ms > MAX_AHEAD_MS:
            raise UsageError(f"task {task.id}: its {what} is longer than ten years")
    if task.at_ms > MAX_TIME_MS:
        raise UsageError(f"task {task.id}: its time is later than the year 2200")


def _check_parents(task: NewTask) -> None:
    if len(task.parents) > MAX_PARENTS:
        raise UsageError(
            f"task {task.id} waits for {len(task.parents)} tasks, at most {MAX_PARENTS} can be;"
            " let a task between them wait for some of them"
        )
    ids = [parent.id for parent in task.parents]
    if task.id in ids:
        raise UsageError(f"task {task.id} can't wait for itself")
    if len(set(ids)) < len(ids):
        repeated = next(i for i in ids if ids.count(i) > 1)
        raise UsageError(f"task {task.id} waits twice for task {repeated}; name it once")


def check_order(tasks: Sequence[NewTask]) -> None:
    """Raise UsageError if a task waits for a later one of the same call: that may be a cycle."""
    places = {task.id: n for n, task in enumerate(tasks)}
    for n, task in enumerate(tasks):
        for parent in task.parents:
            if places.get(parent.id, -1) > n:
                raise UsageError(
                    f"task {task.id} waits for task {parent.id}, which comes after it;"
                    " put parents first (a cycle of tasks can't be enqueued)"
                )


def _is_unicode(text: str) -> bool:
    """Return whether a text has no bytes in it that a terminal could not decode."""
    return text.isascii() or not _SURROGATE.search(text)
