"""From a script on this machine to a signed task on a queue."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio.to_thread
import msgspec

from . import definition as definitions
from .blobs import Blobs
from .definition import Definition, EnvironmentSpec, Function
from .durability import Durability, enqueue, means
from .errors import BrokerRefused, SelectorError, UsageError
from .keypair import KeyPair
from .keys import TaskId
from .namespace import Namespace
from .needs import Need
from .new_task import Parent
from .requirements.find import Found, find
from .signed_task import Exclusive, Restart
from .snapshot.module import Module, below
from .snapshot.take import Snapshot, take
from .submission_tasks import check, new_task
from .tasks import DefinitionUpload, Enqueued, EnqueueOutcome

__all__ = ["Packed", "Progress", "Submission", "Submitted", "check", "new_task", "pack", "submit"]

SNAPSHOT_BYTES: Final = 32 * 1024 * 1024

Progress = Callable[[str], None]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for."""

    target: Path
    module: Module | None = None
    """The target is the file of this module, to be run as by `python -m`, or to be imported."""
    function: Function | None = None
    """To be called in the target, which is imported then; see functions.py."""
    call: str = ""
    """Arguments of the function, see call_arguments.py; empty: none."""
    light: bool = False
    """It takes a service slot. A function always does."""
    restart: Restart = "never"
    """After which ends it is started again: a long-lived service."""
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
    at_ms: int = 0
    """Not before this time, Unix ms; it counts instead of the delay. 0: none."""
    queue_timeout_s: float = 0.0
    result_ttl_s: float = 0.0
    """How long its result is kept; 0: as long as its record."""
    retry: str = ""
    """A retry policy as text, see retries.py; empty: tried once."""
    parents: tuple[Parent, ...] = ()
    """Waits for these."""
    unique: str = ""
    """At most one live task has this key; empty: none."""
    replaces: bool = False
    """A task that holds the unique key and has not started is cancelled for this one."""
    concurrency_key: str = ""
    """Tasks that share it run at most `concurrency_limit` at a time; empty: none."""
    concurrency_limit: Annotated[int, msgspec.Meta(ge=1)] = 1
    is_draft: bool = False
    """Kept to be edited; on no queue yet."""
    requirement_files: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    python: str = ""
    env_writable: bool = False
    """The task gets a private copy of its environment, to change as it likes."""
    mem_limit_mib: float = 0.0
    """All its processes together are killed above this; 0: no limit."""
    exclusive: Exclusive = "keep"
    snapshot_bytes: int = SNAPSHOT_BYTES
    user: str = ""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    task_id: TaskId
    """The new task; where the outcome is `unique`, the one that has the key: none was added."""
    queue: str
    outcome: EnqueueOutcome
    snapshot: str
    """What travelled, for people."""
    environment: str
    """Where the requirements were found and how many."""
    warnings: tuple[str, ...] = ()


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """Code and requirements of a submission."""

    summary: str
    """What travelled, for people."""
    environment: str
    """Where the requirements were found and how many."""
    digest: str
    """Of the definition."""
    upload: DefinitionUpload
    warnings: tuple[str, ...]


async def submit(
    namespace: Namespace,
    submission: Submission,
    pair: KeyPair,
    *,
    progress: Progress,
    durability: Durability | None = None,
) -> Submitted:
    """Pack the code, find its requirements, sign, and enqueue; with a durability, be sure of it.

    Raises:
        NotConfirmed: it is enqueued, but may still get lost.
        UsageError, SnapshotError: the person can mend it; nothing was enqueued.
        SelectorError: it was to wait for a task that does not exist.
        BrokerUnavailable: redis did not take it.
    """
    check(submission)
    sure = await means(namespace, durability) if durability else None
    packed = await pack(namespace, submission, progress=progress)
    task = new_task(namespace.name, submission, packed.digest, pair)
    uploads = {task.definition: packed.upload}
    enqueued = await enqueue(namespace, task, uploads, sure)
    _check_outcome(enqueued)
    holder = enqueued.other if enqueued.outcome is EnqueueOutcome.UNIQUE else None
    return Submitted(
        task_id=holder or task.id,
        queue=task.queue,
        outcome=enqueued.outcome,
        snapshot=packed.summary,
        environment=packed.environment,
        warnings=packed.warnings,
    )


def _check_outcome(enqueued: Enqueued) -> None:
    """Raise the error of what was not added, unless somebody else has its unique key."""
    match enqueued.outcome:
        case EnqueueOutcome.MISSING_BLOB:
            raise BrokerRefused(
                "redis lost the snapshot as soon as it had it:"
                " does it evict keys (maxmemory-policy)?"
            )
        case EnqueueOutcome.PAST:
            raise UsageError("the time that it was to start at is past by now")
        case EnqueueOutcome.UNKNOWN_PARENT:
            raise SelectorError(
                f"task {enqueued.other}, which it was to wait for, does not exist, or no longer"
            )


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What is packed, and the bytes that redis may lack."""

    packed: Packed
    content: bytes


async def pack(namespace: Namespace, submission: Submission, *, progress: Progress) -> Packed:
    """Pack the code, find its requirements, and upload what redis lacks.

    Raises:
        UsageError, SnapshotError: the person can mend it.
        BrokerUnavailable: redis did not take it.
    """
    collected = await collect(submission, progress=progress)
    await upload(namespace, collected, progress=progress)
    return collected.packed


async def collect(submission: Submission, *, progress: Progress) -> Collected:
    """Pack the code and find its requirements; redis is not asked.

    Raises:
        UsageError, SnapshotError: the person can mend it.
    """
    snapshot, found = await anyio.to_thread.run_sync(partial(_pack, submission, progress))
    environment, entry = found.spec, snapshot.entry
    if submission.function is not None:
        entry = msgspec.structs.replace(entry, function=submission.function)
    if (module := submission.module) is not None:
        root = below(module.top, snapshot.root, module.name)
        roots = dict.fromkeys((*environment.source_roots, root))
        environment = msgspec.structs.replace(environment, source_roots=tuple(roots))
        entry = msgspec.structs.replace(entry, module=module.name)
    definition = Definition(code=snapshot.code, environment=environment, entry=entry)
    encoded = definitions.encode(definition)
    if len(encoded) > definitions.MAX_BYTES:
        raise UsageError(
            f"the definition has {len(encoded)} bytes, most are {definitions.MAX_BYTES}:"
            " fewer requirement lines are needed"
        )
    packed = Packed(
        summary=snapshot.summary,
        environment=_environment_words(found.spec),
        digest=definitions.digest(encoded),
        upload=DefinitionUpload(encoded=encoded, blobs=(snapshot.code.blob,)),
        warnings=tuple(found.warnings),
    )
    return Collected(packed=packed, content=snapshot.content)


async def upload(namespace: Namespace, collected: Collected, *, progress: Progress) -> None:
    """Upload what redis lacks; it stays for an hour, or as long as a definition names it.

    Raises:
        BrokerUnavailable: redis did not take it.
    """
    blobs, [digest] = Blobs(namespace), collected.packed.upload.blobs
    if await blobs.missing([digest]):
        progress(f"uploading {len(collected.content) / 1e6:.1f} MB")
        await blobs.put(digest, collected.content)


def _environment_words(environment: EnvironmentSpec) -> str:
    count = len(environment.requirements)
    return f"{count} requirement{'' if count == 1 else 's'} from {environment.source}"


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
