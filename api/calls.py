"""Calls of one function with the same options: what they share is made and checked once."""

import time
from collections.abc import Sequence
from typing import Final

from ..broker.ids import TaskIds
from ..broker.keypair import KeyPair
from ..broker.keys import TaskId
from ..broker.new_task import DefinitionUpload
from ..broker.scripts import Argument
from ..broker.signed_task import Bodies
from ..broker.submission import Packed, Submission
from ..broker.submission_tasks import check, not_after, signed_task, unsigned_task
from ..broker.tasks import kind_arguments

_FRESH_S: Final = 60.0
"""So long signatures begin to hold at the same second: they hold for months."""


class Call:
    """One call, ready to be signed. It keeps its id, however often it has to be sent."""

    __slots__ = ("body", "calls", "place", "task_id")

    def __init__(self, calls: "Calls", task_id: TaskId, place: bytes, body: bytes) -> None:
        self.calls = calls
        self.task_id = task_id
        self.place = place
        self.body = body


class Calls:
    """Makes calls of one function."""

    def __init__(
        self, namespace: str, submission: Submission, packed: Packed, pair: KeyPair
    ) -> None:
        """Raise UsageError if no worker would accept such tasks, or Redis can't keep them."""
        check(submission)
        self._namespace = namespace
        self._submission = submission
        self._bodies: Bodies | None = None
        self._made_s = 0.0
        self.pair = pair
        self.queue = submission.queue
        self.digest = packed.digest
        self.upload: DefinitionUpload = packed.upload
        self.is_known = False
        """Redis has the definition."""
        task = unsigned_task(submission, TaskId(""), packed.digest, b"")
        self.kind: tuple[Argument, ...] = tuple(kind_arguments(task))
        """What enqueue.lua is told of all of them."""

    def make(self, texts: Sequence[str]) -> list[Call]:
        """Return new calls; `texts`: the arguments of each.

        Raises:
            UsageError: they are too large, or too deep.
        """
        now_s = time.monotonic()
        if self._bodies is None or now_s > self._made_s + _FRESH_S:
            self._bodies, self._made_s = self._fresh(), now_s
        made, of = [], self._bodies.of
        for task_id, text in zip(_ids.many(len(texts)), texts, strict=True):
            place, body = of(task_id, text)
            made.append(Call(self, task_id, place, body))
        return made

    def _fresh(self) -> Bodies:
        until = not_after(self._submission)
        task = signed_task(self._namespace, self._submission, "any", self.digest, not_after=until)
        return Bodies(task)


_ids: Final = TaskIds()
