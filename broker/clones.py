"""Clones: new tasks like old ones, signed anew by whoever asks for them.

Nobody signs blindly what a stranger wrote: what is copied must be verified against the caller's
own trust file first, for the queue that the copy is for. Only its age does not count.
"""

import time
from collections.abc import Mapping
from typing import Final

import msgspec

from . import restarts
from .decoding import fields
from .envelope import SignedTask, Verifier, sign
from .errors import TrustError
from .ids import TaskIds
from .keypair import KeyPair
from .keys import TaskId
from .needs import Need
from .new_task import Condition, NewTask, Parent
from .originals import Source
from .record import parse
from .states import FINAL
from .submission_tasks import valid_s
from .trust import TrustFileError

_NONE: Final[Mapping[str, str]] = {}
_NONE_NEEDED: Final[Mapping[str, float]] = {}
_ids: Final = TaskIds()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be otherwise. None: as it was."""

    argv: tuple[str, ...] | None = None
    params: Mapping[str, str] = _NONE
    """Overrides to add, or to replace."""
    without_params: tuple[str, ...] = ()
    env: Mapping[str, str] = _NONE
    """Environment variables to add, or to replace."""
    without_env: tuple[str, ...] = ()
    need: Need | None = None
    """Light stays light, and nothing else becomes it: that decides what runs the task."""
    needs: Mapping[str, float] = _NONE_NEEDED
    """Fields of the need to replace."""
    timeout_s: float | None = None
    grace_s: float | None = None
    mem_limit_mib: float | None = None
    """0: none."""
    queue: str = ""
    priority: int | None = None
    name: str = ""
    labels: Mapping[str, str] = _NONE
    """Labels to add, or to replace."""
    without_labels: tuple[str, ...] = ()
    delay_ms: int = 0
    at_ms: int = 0
    unique: str | None = None
    replaces: bool = False
    is_draft: bool = False


def verified(source: Source, verifier: Verifier, *, namespace: str, queue: str = "") -> SignedTask:
    """Return what was signed of a task, however long ago.

    Args:
        source: from anybody.
        verifier: with the caller's own trust file.
        namespace: that it was signed for.
        queue: that the copy is for; empty: the one that it was on.

    Raises:
        TrustError: nobody whom the caller trusts signed it for this queue; names the key.
    """
    task = fields(source.task)
    try:
        return verifier.read(
            source.envelope,
            namespace=namespace,
            task_id=source.id,
            definition=task.get("definition", ""),
            queue=queue or task.get("queue", ""),
        )
    except TrustFileError:
        raise
    except TrustError as e:
        raise TrustError(f"task {source.id} is not signed anew for you: {e}") from e


def changed(signed: SignedTask, changes: Changes, *, user: str, now_s: float) -> SignedTask:
    """Return what is to be signed, of what was. Its place is still the old one."""
    params, env = {**signed.params, **changes.params}, {**signed.env, **changes.env}
    start_s = max(now_s + changes.delay_ms / 1000, changes.at_ms / 1000)
    return msgspec.structs.replace(
        signed,
        argv=signed.argv if changes.argv is None else changes.argv,
        params={k: v for k, v in params.items() if k not in changes.without_params},
        env={k: v for k, v in env.items() if k not in changes.without_env},
        need=_need(signed.need, changes),
        timeout_s=signed.timeout_s if changes.timeout_s is None else changes.timeout_s,
        grace_s=signed.grace_s if changes.grace_s is None else changes.grace_s,
        mem_limit_mib=(
            signed.mem_limit_mib if changes.mem_limit_mib is None else changes.mem_limit_mib
        ),
        not_after=int(start_s) + valid_s(signed.restart),
        user=user,
    )


def clone(
    source: Source,
    verifier: Verifier,
    pair: KeyPair,
    changes: Changes,
    *,
    namespace: str,
    user: str,
) -> NewTask:
    """Return a new task like an old one, to be enqueued with `source.upload`.

    What its record says unsigned (queue, priority, name, labels, keys, retries, lease) is kept
    too. It waits for the same parents only while the old one has not ended.

    Raises:
        TrustError: see verified().
        UsageError: a change is not acceptable.
    """
    task_id = _ids.new()
    before = verified(source, verifier, namespace=namespace, queue=changes.queue)
    after = msgspec.structs.replace(
        changed(before, changes, user=user, now_s=time.time()),
        namespace=namespace,
        task_id=task_id,
    )
    task, record = fields(source.task), parse(source.id, source.task, source.extra, {})
    return NewTask(
        id=task_id,
        definition=after.definition,
        envelope=sign([after], pair)[0],
        user=user,
        need=after.need,
        params=after.params,
        timeout_ms=int(after.timeout_s * 1000),
        queue=changes.queue or record.queue,
        priority=record.priority if changes.priority is None else changes.priority,
        name=changes.name or record.name,
        labels={
            k: v
            for k, v in {**record.labels, **changes.labels}.items()
            if k not in changes.without_labels
        },
        delay_ms=changes.delay_ms,
        at_ms=changes.at_ms,
        is_draft=changes.is_draft,
        parents=() if record.state in FINAL else _parents(fields(source.extra)),
        unique=task.get("unique", "") if changes.unique is None else changes.unique,
        replaces=changes.replaces,
        concurrency_key=task.get("key", ""),
        concurrency_limit=max(1, _whole(task, "key_limit", 1)),
        # Of a service: how often it ended soon is not told of the new one.
        retry=restarts.text_of(after.restart) or task.get("retry", ""),
        lease_ms=_whole(task, "lease_ms", 0),
        max_lost=_whole(task, "max_lost", 3),
        queue_timeout_ms=_whole(task, "queue_timeout_ms", 0),
        result_ttl_ms=_whole(task, "result_ttl_ms", 0),
    )


def _need(signed: Need, changes: Changes) -> Need:
    wanted = msgspec.structs.replace(changes.need or signed, **changes.needs)
    return msgspec.structs.replace(wanted, light=signed.light)


def _parents(extra: Mapping[str, str]) -> tuple[Parent, ...]:
    edges = [edge.partition(":") for edge in extra.get("parents", "").split()]
    known = {condition.value: condition for condition in Condition}
    return tuple(Parent(TaskId(i), known[name]) for name, _, i in edges if name in known)


def _whole(task: Mapping[str, str], name: str, usual: int) -> int:
    """Return a number of a record, the usual one where somebody wrote none."""
    value = task.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else usual
