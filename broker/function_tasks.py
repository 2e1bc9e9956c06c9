"""Many calls of one function: signed and added fast, since they differ in their arguments only."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec import structs

from . import retention
from .envelope import LARGE_GROUP, sign_bodies
from .ids import TaskIds
from .keypair import KeyPair
from .keys import TaskId
from .namespace import Namespace
from .new_task import Enqueued, NewTask
from .scripts import Argument
from .signed_task import Bodies
from .submission import Packed, Submission
from .submission_tasks import check, not_after, signed_task, unsigned_task
from .tasks import answer, as_json, kind_arguments

BATCH: Final = 3 * LARGE_GROUP
"""Tasks in one call of the script: at most 200, and no group of signatures is cut."""


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that differ in nothing but id and envelope."""

    first: NewTask
    envelopes: dict[TaskId, bytes]
    """Of all of them, the first included, in their order."""

    def tasks(self) -> list[NewTask]:
        """Return them one by one."""
        pairs = self.envelopes.items()
        return [structs.replace(self.first, id=i, envelope=envelope) for i, envelope in pairs]


class FunctionTasks:
    """Makes the tasks of one packed function. What they have in common is checked once."""

    def __init__(
        self,
        namespace: str,
        submission: Submission,
        packed: Packed,
        pair: KeyPair,
        *,
        group: int = LARGE_GROUP,
    ) -> None:
        """
        Args:
            namespace: that they are for.
            submission: of all of them; its call does not count.
            packed: its code, that is in redis.
            pair: who signs.
            group: tasks under one signature, at most.

        Raises:
            UsageError: no worker would accept such tasks, or redis could not keep them.
        """
        check(submission)
        self._namespace = namespace
        self._submission = submission
        self._packed = packed
        self._pair = pair
        self._group = group
        self._like = unsigned_task(submission, TaskId(""), packed.digest, b"")
        self._bodies = self._bodies_until(0)
        self._until = 0

    def make(self, calls: Sequence[str]) -> Alike:
        """Return the signed tasks of at least one call (see call_arguments.py).

        Raises:
            UsageError: a call is not acceptable, or too large.
        """
        if (until := not_after(self._submission)) != self._until:
            self._bodies, self._until = self._bodies_until(until), until
        ids = _ids.many(len(calls))
        bodies = [(i, *self._bodies.of(i, call)) for i, call in zip(ids, calls, strict=True)]
        envelopes = sign_bodies(bodies, self._pair, group=self._group)
        first = structs.replace(self._like, id=ids[0], envelope=envelopes[0])
        return Alike(first=first, envelopes=dict(zip(ids, envelopes, strict=True)))

    async def enqueue(self, ns: Namespace, calls: Iterable[str]) -> list[Enqueued]:
        """Add any number of tasks, and sign them while redis adds those before them.

        Each 192 of them are added or not as a whole.

        Raises:
            UsageError: a call is not acceptable; those of the batches before it are added, or may be.
            BrokerUnavailable: it is not known which were added.
        """
        made: list[Alike] = []
        replies = await ns.scripts.enqueue.overlapped(self._batches(calls, made))
        pairs = zip(made, replies, strict=True)
        return [
            answer(task_id, told)
            for alike, reply in pairs
            for task_id, told in zip(alike.envelopes, reply, strict=True)
        ]

    def _bodies_until(self, until: int) -> Bodies:
        signed = signed_task(
            self._namespace, self._submission, "any", self._packed.digest, not_after=until
        )
        return Bodies(signed)

    def _batches(self, calls: Iterable[str], made: list[Alike]) -> Iterator[list[Argument]]:
        rest = iter(calls)
        while batch := list(islice(rest, BATCH)):
            alike = self.make(batch)
            made.append(alike)
            yield enqueue_arguments(alike, self._packed)


def enqueue_arguments(alike: Alike, packed: Packed) -> list[Argument]:
    """Return the arguments of enqueue.lua for 1 to 200 tasks that are alike."""
    first, upload = alike.first, packed.upload
    arguments: list[Argument] = [1, 1, len(alike.envelopes), retention.RECORD_MS]
    arguments += [packed.digest, upload.encoded, len(upload.blobs), *upload.blobs]
    arguments += kind_arguments(first)
    params = as_json(first.params)
    for task_id, envelope in alike.envelopes.items():
        arguments += (1, task_id, envelope, params)
    return arguments


_ids: Final = TaskIds()
