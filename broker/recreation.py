"""A task that runs, and that Redis came back without: what its worker still knows of it. Pure."""

from collections.abc import Mapping

import msgspec

from . import retention
from .claims import Claim
from .errors import UsageError
from .needs import Need
from .new_task import DefinitionUpload, NewTask, check
from .scripts import Argument
from .tasks import as_json, kind_arguments


class Recreation(msgspec.Struct, frozen=True, kw_only=True):
    """A claim, and what was read and verified when it began."""

    claim: Claim
    need: Need
    definition: DefinitionUpload
    """A blob of it that Redis lacks too is to be uploaded before, or the task runs only once."""
    params: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


def arguments(worker: str, known: Recreation, *, lease_ms: int) -> list[Argument]:
    """Return the arguments of recreate.lua.

    Raises:
        UsageError: Redis could not keep the task as it is.
    """
    claim, definition = known.claim, known.definition
    task = _task(known, lease_ms)
    check(task)
    result: list[Argument] = [worker, claim.task_id, claim.fence, claim.nonce, lease_ms]
    result += [claim.attempt, claim.lost, claim.order, claim.created_ms, retention.RECORD_MS]
    result += [task.envelope, as_json(known.params), definition.encoded]
    return [
        *result,
        claim.isolation,
        len(definition.blobs),
        *definition.blobs,
        *kind_arguments(task),
    ]


def _task(known: Recreation, lease_ms: int) -> NewTask:
    claim, rare = known.claim, known.claim.rare
    if claim.envelope is None:
        raise UsageError(f"task {claim.task_id} has no envelope: nobody could verify it")
    return NewTask(
        id=claim.task_id,
        queue=claim.queue,
        definition=claim.definition,
        envelope=claim.envelope,
        name=claim.name,
        user=claim.user,
        need=known.need,
        priority=claim.priority,
        labels=known.labels,
        params=known.params,
        lease_ms=0 if claim.lease_ms == lease_ms else max(claim.lease_ms, 0),
        max_lost=rare.max_lost,
        queue_timeout_ms=rare.queue_timeout_ms,
        timeout_ms=max(claim.timeout_ms, 0),
        unique=rare.unique,
        concurrency_key=rare.key,
        concurrency_limit=max(rare.key_limit, 1),
        retry=claim.retry,
        result_ttl_ms=rare.result_ttl_ms,
    )
