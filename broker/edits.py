"""Editing tasks that have not begun, under their ids.

Name, labels, queue and priority need no signature. What was signed (arguments, parameters,
variables, needs, times) is changed and signed anew by whoever changes it; a task that waits keeps
its place. Nobody signs blindly what a stranger wrote: see clones.py.
"""

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from . import keys
from .answers import Answer, checked, of_reply
from .clones import Changes, changed, verified
from .decoding import text
from .envelope import MAX_BYTES, SignedTask, Verifier, sign
from .errors import TrustError, UsageError
from .keypair import KeyPair
from .keys import TaskId
from .labels import Labels
from .namespace import Namespace
from .needs import encode, shape_id
from .new_task import DefinitionUpload
from .originals import Source
from .replies import kept
from .scripts import Argument
from .states import BEFORE_RUNNING, TaskState
from .trust import TrustFileError
from .verbs import Verb, moving, prioritizing, renaming

EDITABLE: Final = BEFORE_RUNNING | {TaskState.DRAFT}
"""States in which a task can be edited."""

_SIGNED: Final = (
    *("argv", "params", "without_params", "env", "without_env", "need", "needs"),
    *("timeout_s", "grace_s", "mem_limit_mib"),
)
_FIXED: Final = ("delay_ms", "at_ms", "unique", "replaces", "is_draft")
_AS_IT_WAS: Final = Changes()
_NOBODY: Final[frozenset[str]] = frozenset()


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who edits."""

    verifier: Verifier
    """With the author's own trust file."""
    pair: KeyPair
    user: str


def editing(ns: Namespace, changes: Changes, author: Author) -> Verb:
    """Return what changes tasks: edited, unchanged, or why one could not be.

    Times to start at and keys can't be changed: clone the task for that.

    Raises:
        UsageError: a change is not acceptable; also from the verb, where one is not for a task.
    """
    if fixed := [name for name in _FIXED if _differs(changes, name)]:
        raise UsageError(f"the {fixed[0]} of a task can't be changed; clone it for that")
    unsigned = _unsigned(ns, changes)
    is_signed = any(_differs(changes, name) for name in _SIGNED)

    async def edit(ids: Sequence[TaskId]) -> list[Answer]:
        sources, answers = await _readable(ns, ids)
        if is_signed:
            answers |= await _sign_anew(ns, sources, changes, author)
        for verb in unsigned:
            sound = [i for i in sources if i not in answers or not answers[i].is_refusal]
            for answer in await verb(sound) if sound else ():
                answers[answer.id] = _both(answers.get(answer.id), answer)
        return [answers.get(task_id, Answer(task_id, "unchanged")) for task_id in ids]

    return edit


async def edit(
    ns: Namespace,
    task_id: TaskId,
    changes: Changes,
    *,
    verifier: Verifier,
    pair: KeyPair,
    user: str,
) -> Answer:
    """Change one task: edited, or unchanged.

    Raises:
        TaskNotFound, WrongState: it is none that can be edited (any more).
        TaskError: somebody else changed it meanwhile, and nothing was written; or nobody whom
            the caller trusts signed it.
        UsageError: a change is not acceptable.
    """
    author = Author(verifier=verifier, pair=pair, user=user)
    [answer] = await editing(ns, changes, author)([task_id])
    return checked(answer)


async def signed_now(
    ns: Namespace, ids: Sequence[TaskId], verifier: Verifier
) -> dict[TaskId, SignedTask | TrustError]:
    """Return what is signed of tasks, or why it can't be told; none for what can't be edited."""
    sources, _ = await _readable(ns, ids)
    found: dict[TaskId, SignedTask | TrustError] = {}
    for task_id, source in sources.items():
        try:
            found[task_id] = verified(source, verifier, namespace=ns.name)
        except TrustFileError:
            raise
        except TrustError as e:
            found[task_id] = e
    return found


def _differs(changes: Changes, name: str) -> bool:
    return bool(getattr(changes, name) != getattr(_AS_IT_WAS, name))


def _unsigned(ns: Namespace, changes: Changes) -> list[Verb]:
    """Return what changes what needs no signature."""
    verbs: list[Verb] = []
    if changes.queue:
        verbs.append(moving(ns, changes.queue))
    if changes.priority is not None:
        verbs.append(prioritizing(ns, changes.priority))
    if changes.name:
        verbs.append(renaming(ns, changes.name))
    if changes.labels or changes.without_labels:
        labels, removed = changes.labels, changes.without_labels
        verbs.append(lambda ids: Labels(ns).change_many(ids, labels, remove=removed))
    return verbs


def _both(before: Answer | None, after: Answer) -> Answer:
    """Return what is said of a task after one more change."""
    if after.is_refusal:
        return after
    if after.outcome == "unchanged":
        return before or after
    return Answer(after.id, "edited")


async def _sign_anew(
    ns: Namespace, sources: dict[TaskId, Source], changes: Changes, author: Author
) -> dict[TaskId, Answer]:
    answers: dict[TaskId, Answer] = {}
    pairs: list[tuple[Source, SignedTask]] = []
    for task_id, source in sources.items():
        try:
            before = verified(source, author.verifier, namespace=ns.name, queue=changes.queue)
        except TrustFileError:
            raise
        except TrustError as e:
            answers[task_id] = Answer(task_id, "denied", str(e))
            continue
        after = changed(before, changes, user=author.user, now_s=time.time())
        if _is_same(before, after):
            answers[task_id] = Answer(task_id, "unchanged")
        else:
            pairs.append((source, after))
    return answers | await _replace(ns, pairs, author.pair)


def _is_same(before: SignedTask, after: SignedTask) -> bool:
    """Return whether nothing but who signed it when would be another."""
    return msgspec.structs.replace(after, not_after=before.not_after, user=before.user) == before


async def _replace(
    ns: Namespace, pairs: Sequence[tuple[Source, SignedTask]], author: KeyPair
) -> dict[TaskId, Answer]:
    if not pairs:
        return {}
    envelopes = sign([after for _, after in pairs], author)
    calls: list[list[Argument]] = [
        [
            *(source.id, source.envelope, envelope, shape_id(after.need), encode(after.need)),
            *(
                int(after.timeout_s * 1000),
                msgspec.json.encode(after.params) if after.params else b"",
            ),
        ]
        for (source, after), envelope in zip(pairs, envelopes, strict=True)
    ]
    replies = await ns.scripts.replace_arguments.many(calls)
    found = [
        of_reply(source.id, reply, settled=_NOBODY)
        for (source, _), reply in zip(pairs, replies, strict=True)
    ]
    return {a.id: Answer(a.id, "edited") if a.outcome == "replaced" else a for a in found}


async def _readable(
    ns: Namespace, ids: Sequence[TaskId]
) -> tuple[dict[TaskId, Source], dict[TaskId, Answer]]:
    """Return the tasks that can be edited, and of the others why not."""
    p, pipe = ns.prefix, ns.redis.pipeline(transaction=False)
    for task_id in ids:
        pipe.hgetall(keys.task(p, task_id))
        pipe.getrange(keys.arguments(p, task_id), 0, MAX_BYTES)
    replies = await pipe.execute(raise_on_error=False)
    nothing: dict[bytes, bytes] = {}
    sources: dict[TaskId, Source] = {}
    answers: dict[TaskId, Answer] = {}
    for task_id, stored, envelope in zip(ids, replies[0::2], replies[1::2], strict=True):
        task = kept(stored, nothing)
        state = text(task.get(b"state", b""))
        if not task:
            answers[task_id] = Answer(task_id, "missing")
        elif state not in EDITABLE:
            answers[task_id] = Answer(task_id, "state", state)
        else:
            sources[task_id] = Source(
                id=task_id,
                task=task,
                extra={},
                envelope=kept(envelope, b""),
                upload=DefinitionUpload(encoded=b""),
            )
    return sources, answers
