"""From a script on this machine to a signed task on a queue."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio.to_thread
import msgspec

from . import definition as definitions
from .blobs import Blobs
from .definition import Definition, EnvironmentSpec
from .envelope import sign
from .errors import BrokerRefused, UsageError
from .ids import TaskIds
from .keypair import KeyPair
from .keys import NAME_PATTERN, TaskId
from .namespace import Namespace
from .needs import Need
from .requirements.find import Found, find
from .signed_task import SignedTask
from .snapshot.take import Snapshot, take
from .tasks import DefinitionUpload, EnqueueOutcome, NewTask, Tasks

VALID_S: Final = 90 * 86_400
"""How long a signature holds: longer than anyone waits in a queue, short enough that an old
record can't be brought back for ever."""
SNAPSHOT_BYTES: Final = 32 * 1024 * 1024

Progress = Callable[[str], None]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for."""

    target: Path
    workdir: Path
    """Where the person stands; the script's working directory when it lies in the snapshot."""
    argv: tuple[str, ...] = ()
    params: dict[str, str] = {}
    env: dict[str, str] = {}
    queue: str = "default"
    name: str = ""
    """Empty: the file name of the script."""
    priority: Annotated[int, msgspec.Meta(ge=-128, le=127)] = 0
    need: Need = Need()
    labels: dict[str, str] = {}
    timeout_s: float = 0.0
    grace_s: float = 30.0
    delay_s: float = 0.0
    queue_timeout_s: float = 0.0
    retry: str = ""
    """A retry policy as text, see retries.py; empty: tried once."""
    requirement_files: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    python: str = ""
    env_writable: bool = False
    """The task gets a private copy of its environment, to change as it likes."""
    snapshot_bytes: int = SNAPSHOT_BYTES
    user: str = ""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    task_id: TaskId
    queue: str
    outcome: str
    snapshot: str
    """What travelled, for people."""
    environment: str
    """Where the requirements were found and how many."""
    warnings: tuple[str, ...] = ()


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """Code and requirements of a submission; the code is in Redis."""

    summary: str
    """What travelled, for people."""
    environment: str
    """Where the requirements were found and how many."""
    digest: str
    """Of the definition."""
    upload: DefinitionUpload
    warnings: tuple[str, ...]


async def submit(
    namespace: Namespace, submission: Submission, pair: KeyPair, *, progress: Progress
) -> Submitted:
    """Pack the code, find its requirements, sign, and enqueue.

    Raises:
        UsageError, SnapshotError: the person can mend it; nothing was enqueued.
        BrokerUnavailable: redis did not take it.
    """
    check(submission)
    packed = await pack(namespace, submission, progress=progress)
    task = new_task(namespace.name, submission, packed.digest, pair)
    [enqueued] = await Tasks(namespace).enqueue([task], {task.definition: packed.upload})
    if enqueued.outcome is EnqueueOutcome.MISSING_BLOB:
        raise BrokerRefused(
            "redis lost the snapshot as soon as it had it: does it evict keys (maxmemory-policy)?"
        )
    return Submitted(
        task_id=task.id,
        queue=task.queue,
        outcome=enqueued.outcome,
        snapshot=packed.summary,
        environment=packed.environment,
        warnings=packed.warnings,
    )


async def pack(namespace: Namespace, submission: Submission, *, progress: Progress) -> Packed:
    """Pack the code, find its requirements, and upload what redis lacks.

    Raises:
        UsageError, SnapshotError: the person can mend it.
        BrokerUnavailable: redis did not take it.
    """
    snapshot, found = await anyio.to_thread.run_sync(partial(_pack, submission, progress))
    definition = Definition(code=snapshot.code, environment=found.spec, entry=snapshot.entry)
    encoded = definitions.encode(definition)
    if len(encoded) > definitions.MAX_BYTES:
        raise UsageError(
            f"the definition has {len(encoded)} bytes, most are {definitions.MAX_BYTES}:"
            " fewer requirement lines are needed"
        )
    blob = snapshot.code.blob
    await _upload(Blobs(namespace), blob, snapshot.content, progress)
    return Packed(
        summary=snapshot.summary,
        environment=_environment_words(found.spec),
        digest=definitions.digest(encoded),
        upload=DefinitionUpload(encoded=encoded, blobs=(blob,)),
        warnings=tuple(found.warnings),
    )


def _environment_words(environment: EnvironmentSpec) -> str:
    count = len(environment.requirements)
    return f"{count} requirement{'' if count == 1 else 's'} from {environment.source}"


def check(submission: Submission) -> None:
    """Refuse what redis keys and records can't hold, before any work is done."""
    if not NAME_PATTERN.fullmatch(submission.queue):
        raise UsageError(
            f"queue {submission.queue!r}: use 1 to 63 letters, digits, dots, dashes, underscores"
        )
    for label in submission.labels:
        if not NAME_PATTERN.fullmatch(label):
            raise UsageError(f"label {label!r}: use letters, digits, dots, dashes, underscores")


def new_task(
    namespace: str, submission: Submission, definition_digest: str, pair: KeyPair
) -> NewTask:
    """Return the signed task of a submission."""
    task_id = _ids.new()
    not_after = int(time.time()) + VALID_S + int(submission.delay_s)
    signed = signed_task(namespace, submission, task_id, definition_digest, not_after=not_after)
    return NewTask(
        id=task_id,
        queue=submission.queue,
        name=submission.name or submission.target.name,
        user=submission.user,
        need=submission.need,
        priority=submission.priority,
        definition=definition_digest,
        envelope=sign([signed], pair)[0],
        labels=submission.labels,
        params=submission.params,
        delay_ms=int(submission.delay_s * 1000),
        queue_timeout_ms=int(submission.queue_timeout_s * 1000),
        timeout_ms=int(submission.timeout_s * 1000),
        retry=submission.retry,
    )


def signed_task(
    namespace: str, submission: Submission, task_id: str, definition_digest: str, *, not_after: int
) -> SignedTask:
    """Return what of a submission is signed; `not_after` in Unix s."""
    return SignedTask(
        namespace=namespace,
        task_id=task_id,
        definition=definition_digest,
        argv=submission.argv,
        params=submission.params,
        env=submission.env,
        need=submission.need,
        timeout_s=submission.timeout_s,
        grace_s=submission.grace_s,
        env_writable=submission.env_writable,
        not_after=not_after,
        user=submission.user,
    )


_ids = TaskIds()


def _pack(submission: Submission, progress: Progress) -> tuple[Snapshot, Found]:
    snapshot = take(
        submission.target,
        workdir=submission.workdir,
        limit_bytes=submission.snapshot_bytes,
        progress=progress,
    )
    progress("looking for requirements")
    found = find(
        submission.target,
        root=snapshot.root,
        workdir=submission.workdir,
        files=submission.requirement_files,
        packages=submission.packages,
        python=submission.python,
    )
    return snapshot, found


async def _upload(blobs: Blobs, digest: str, content: bytes, progress: Progress) -> None:
    if await blobs.missing([digest]):
        progress(f"uploading {len(content) / 1e6:.1f} MB")
        await blobs.put(digest, content)
