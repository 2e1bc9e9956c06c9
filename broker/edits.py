"""Editing drafts: what was signed of one is changed, and signed anew under the same id."""

import time
from typing import Final

import msgspec

from . import keys
from .answers import checked, of_reply
from .clones import Changes, changed, verified
from .envelope import MAX_BYTES, SignedTask, Verifier, sign
from .errors import TaskNotFound, UsageError, WrongState
from .keypair import KeyPair
from .keys import TaskId
from .labels import Labels
from .moves import Moves
from .namespace import Namespace
from .needs import encode, shape_id
from .new_task import DefinitionUpload
from .originals import Source
from .replies import kept
from .states import TaskState
from .stored import stored_bytes

_SIGNED: Final = ("argv", "params", "without_params", "env", "need", "timeout_s", "grace_s")
_FIXED: Final = ("name", "delay_ms", "at_ms", "unique", "replaces", "is_draft")
_AS_IT_WAS: Final = Changes()


async def edit(
    ns: Namespace,
    task_id: TaskId,
    changes: Changes,
    *,
    verifier: Verifier,
    pair: KeyPair,
    user: str,
) -> None:
    """Change a draft. Name, times and keys can't be changed: clone it for that.

    Raises:
        TaskNotFound, WrongState: it is no draft (any more).
        TaskError: somebody else changed it meanwhile; nothing was written.
        TrustError: nobody whom the caller trusts signed it.
        UsageError: a change is not acceptable.
    """
    if kept_fields := [
        name for name in _FIXED if getattr(changes, name) != getattr(_AS_IT_WAS, name)
    ]:
        raise UsageError(f"the {kept_fields[0]} of a draft can't be changed; clone the draft")
    source = await _draft(ns, task_id)
    if any(getattr(changes, name) != getattr(_AS_IT_WAS, name) for name in _SIGNED):
        before = verified(source, verifier, namespace=ns.name, queue=changes.queue)
        after = changed(before, changes, user=user, now_s=time.time())
        await _replace(ns, source, after, pair)
    await _move(ns, task_id, changes)


async def _replace(ns: Namespace, source: Source, after: SignedTask, pair: KeyPair) -> None:
    (envelope,) = sign([after], pair)
    params = msgspec.json.encode(after.params) if after.params else b""
    reply = await ns.scripts.replace_arguments(
        [
            *(source.id, source.envelope, envelope, shape_id(after.need), encode(after.need)),
            *(int(after.timeout_s * 1000), params),
        ]
    )
    checked(of_reply(source.id, reply, settled=frozenset()))


async def _move(ns: Namespace, task_id: TaskId, changes: Changes) -> None:
    """Change what needs no signature."""
    moves = Moves(ns)
    if changes.queue:
        await moves.to_queue(task_id, changes.queue)
    if changes.priority is not None:
        await moves.set_priority(task_id, changes.priority)
    if changes.labels:
        await Labels(ns).change(task_id, changes.labels)


async def _draft(ns: Namespace, task_id: TaskId) -> Source:
    p, pipe = ns.prefix, ns.redis.pipeline(transaction=False)
    pipe.hgetall(keys.task(p, task_id))
    nothing: dict[bytes, bytes] = {}
    (task,) = (kept(reply, nothing) for reply in await pipe.execute(raise_on_error=False))
    if not task:
        raise TaskNotFound(task_id)
    state = task.get(b"state", b"").decode("utf-8", "backslashreplace")
    if state != TaskState.DRAFT:
        raise WrongState(task_id, state, f"is {state}: only a draft can be edited; clone it")
    envelope = await stored_bytes(ns.redis, keys.arguments(p, task_id), most=MAX_BYTES)
    upload = DefinitionUpload(encoded=b"")
    return Source(id=task_id, task=task, extra={}, envelope=envelope, upload=upload)
