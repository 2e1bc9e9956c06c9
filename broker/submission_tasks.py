"""The tasks that a submission stands for: checked, and signed. No file is read here."""

import time
from typing import TYPE_CHECKING, Final

from msgspec import structs

from . import restarts
from .envelope import sign
from .errors import UsageError
from .ids import TaskIds
from .keypair import KeyPair
from .keys import NAME_PATTERN, TaskId
from .names import check_queue
from .needs import Need
from .new_task import NewTask
from .new_task import check as check_task
from .signed_task import SignedTask
from .signed_task import check as check_signed

if TYPE_CHECKING:
    from .submission import Submission

VALID_S: Final = 90 * 86_400
"""How long a signature holds: longer than anyone waits in a queue, short enough that an old
record can't be brought back for ever."""
SERVICE_VALID_S: Final = 3 * 366 * 86_400
"""The same for a service that is started again: each start verifies it anew."""

_DIGEST: Final = "0" * 64


def valid_s(restart: str) -> int:
    """Return how long the signature of a task holds; `restart`: see signed_task.Restart."""
    return VALID_S if restart == "never" else SERVICE_VALID_S


def check(submission: "Submission") -> None:
    """Refuse what no worker would accept, and redis can't hold, before any work is done.

    Raises:
        UsageError: what is wrong, and what to do.
    """
    check_queue(submission.queue)
    for label in submission.labels:
        if not NAME_PATTERN.fullmatch(label):
            raise UsageError(f"label {label!r}: use letters, digits, dots, dashes, underscores")
    if submission.retry and submission.restart != "never":
        raise UsageError(
            "a task is retried, or it is a service that is restarted; give one of them"
        )
    if submission.call and submission.function is None:
        raise UsageError("a script has no call: give its arguments behind its name")
    check_task(unsigned_task(submission, TaskId("of this submission"), "", b""))
    check_signed(signed_task("any", submission, "of this submission", _DIGEST, not_after=0))


def new_task(
    namespace: str, submission: "Submission", definition_digest: str, pair: KeyPair
) -> NewTask:
    """Return the signed task of a submission."""
    task_id = _ids.new()
    signed = signed_task(
        namespace, submission, task_id, definition_digest, not_after=not_after(submission)
    )
    return unsigned_task(submission, task_id, definition_digest, sign([signed], pair)[0])


def not_after(submission: "Submission") -> int:
    """Return until when a signature that is made now holds, in Unix s."""
    start_s = max(time.time() + submission.delay_s, submission.at_ms / 1000)
    return int(start_s) + valid_s(submission.restart)


def unsigned_task(
    submission: "Submission", task_id: TaskId, definition_digest: str, envelope: bytes
) -> NewTask:
    """Return what Redis is told of a task, with an envelope that was signed elsewhere."""
    return NewTask(
        id=task_id,
        queue=submission.queue,
        name=submission.name or _name_of(submission),
        user=submission.user,
        need=_need_of(submission),
        priority=submission.priority,
        definition=definition_digest,
        envelope=envelope,
        labels=submission.labels,
        params=submission.params,
        delay_ms=int(submission.delay_s * 1000),
        at_ms=submission.at_ms,
        queue_timeout_ms=int(submission.queue_timeout_s * 1000),
        timeout_ms=int(submission.timeout_s * 1000),
        result_ttl_ms=int(submission.result_ttl_s * 1000),
        retry=submission.retry or restarts.text_of(submission.restart),
        parents=submission.parents,
        unique=submission.unique,
        replaces=submission.replaces,
        concurrency_key=submission.concurrency_key,
        concurrency_limit=submission.concurrency_limit,
        is_draft=submission.is_draft,
    )


def _name_of(submission: "Submission") -> str:
    where = submission.module.name if submission.module else submission.target.name
    return f"{where}:{submission.function.name}" if submission.function else where


def _need_of(submission: "Submission") -> Need:
    is_light = submission.light or submission.function is not None
    return structs.replace(submission.need, light=True) if is_light else submission.need


def signed_task(
    namespace: str,
    submission: "Submission",
    task_id: str,
    definition_digest: str,
    *,
    not_after: int,
) -> SignedTask:
    """Return what of a submission is signed; `not_after` in Unix s."""
    return SignedTask(
        namespace=namespace,
        task_id=task_id,
        definition=definition_digest,
        argv=submission.argv,
        params=submission.params,
        env=submission.env,
        need=_need_of(submission),
        timeout_s=submission.timeout_s,
        grace_s=submission.grace_s,
        env_writable=submission.env_writable,
        mem_limit_mib=submission.mem_limit_mib,
        exclusive=submission.exclusive,
        not_after=not_after,
        user=submission.user,
        call=submission.call,
        restart=submission.restart,
    )


_ids: Final = TaskIds()
