"""From a function and its arguments to a task on its queue."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import msgspec

from ..broker.errors import BrokerRefused, BrokerUnavailable, SelectorError, UsageError
from ..broker.keys import TaskId
from ..broker.new_task import ADDED, Enqueued, EnqueueOutcome
from ..sdk.task import Task
from . import results
from .calls import Call
from .functions import Functions, Known
from .handle import Handle
from .link import Link
from .sender import BATCH, Sender, answers_of, batch_arguments, send_batch

_ROUND: Final = 50 * BATCH
"""So many calls are kept until Redis has answered all of them: a broken connection sends them again."""
_HANDLE: Final = (
    "{}(): a handle can't be an argument, since results are not signed: await its result and pass"
    " that, or let this task wait for it with .options(after=[handle])"
)
_LOST: Final = frozenset({EnqueueOutcome.MISSING_DEFINITION, EnqueueOutcome.MISSING_BLOB})


class Submitted(msgspec.Struct, frozen=True):
    """A task on its queue."""

    id: TaskId
    queue: str
    convert: results.Convert


class Submits(Protocol):
    """Submits calls of functions."""

    async def one(
        self, task: Task[..., Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Submitted:
        """Submit one call; see Client.submit for the errors."""

    async def many(
        self, task: Task[..., Any, Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Submitted]:
        """Submit many calls, in their order; see Client.submit_many for the errors."""


class Submitting:
    """Submits calls to a server."""

    def __init__(self, link: Link, functions: Functions, sender: Sender) -> None:
        self._batches = link.namespace.scripts.enqueue
        self._script = link.enqueue
        self._functions = functions
        self._sender = sender

    async def one(
        self, task: Task[..., Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Submitted:
        """Submit one call; see Client.submit for the errors."""
        known = self._functions.known(task) or await self._functions.learn(task)
        text = _text(known, args, kwargs)
        [call] = known.calls.make([text])
        enqueued = await self._sender.send(call)
        if enqueued.outcome in _LOST:  # since the process began, or it never had it
            known = await self._functions.learn(task, anew=True)
            [call] = known.calls.make([text])
            enqueued = await self._sender.send(call)
        return _submitted(known, enqueued)

    async def many(
        self, task: Task[..., Any, Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Submitted]:
        """Submit many calls, in their order; see Client.submit_many for the errors."""
        known = self._functions.known(task) or await self._functions.learn(task)
        texts = (_text(known, *_arguments(known, each)) for each in calls)
        submitted: list[Submitted] = []
        first = list(islice(texts, BATCH))
        if first:  # alone: it may bring the definition
            answers = await self._round(known, iter(first))
            if any(each.outcome in _LOST for each in answers):
                known = await self._functions.learn(task, anew=True)
                answers = await self._round(known, iter(first))
            submitted += [_submitted(known, each) for each in answers]
        while part := list(islice(texts, _ROUND)):
            submitted += [_submitted(known, each) for each in await self._round(known, iter(part))]
        return submitted

    async def _round(self, known: Known, texts: Iterator[str]) -> list[Enqueued]:
        """Add calls, each batch signed while Redis adds those before it."""
        made: list[list[Call]] = []

        def batches() -> Iterator[list[Any]]:
            while batch := known.calls.make(list(islice(texts, BATCH))):
                made.append(batch)
                yield batch_arguments(batch)

        try:
            replies = await self._batches.overlapped(batches())
        except BrokerRefused:
            raise
        except BrokerUnavailable:
            return await self._again(known, made, texts)
        pairs = zip(made, replies, strict=True)
        return [each for batch, reply in pairs for each in answers_of(batch, reply)]

    async def _again(
        self, known: Known, made: Sequence[Sequence[Call]], texts: Iterator[str]
    ) -> list[Enqueued]:
        """Send what may have arrived once more, by the same ids; then the rest."""
        answers = [each for batch in made for each in await send_batch(self._script, batch)]
        return answers + await self._round(known, texts)


def _arguments(
    known: Known, given: Sequence[Any] | Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    if isinstance(given, Mapping):
        return (), given
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return given, {}
    raise UsageError(
        f"{known.name}: a call is a tuple of arguments or a dict of named ones, not {given!r:.60};"
        " for one argument each there is map()"
    )


def _text(known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    for value in (*args, *kwargs.values()):
        if isinstance(value, Handle):
            raise UsageError(_HANDLE.format(known.name))
    return known.arguments.text(args, kwargs)


def _submitted(known: Known, enqueued: Enqueued) -> Submitted:
    """Return the task that was added, or the one that has its unique key."""
    outcome, task_id = enqueued.outcome, enqueued.id
    if outcome not in ADDED and outcome is not EnqueueOutcome.DUPLICATE:
        task_id = _holder(known, enqueued)
    known.calls.is_known = True
    return Submitted(task_id, known.calls.queue, known.convert)


def _holder(known: Known, enqueued: Enqueued) -> TaskId:
    """Return the task that has the unique key; raise why a call was not added else."""
    if enqueued.outcome in _LOST:
        raise BrokerRefused(
            "redis lost the snapshot as soon as it had it: does it evict keys (maxmemory-policy)?"
        )
    if enqueued.outcome is EnqueueOutcome.UNKNOWN_PARENT:
        raise SelectorError(
            f"task {enqueued.other}, which it was to wait for, does not exist, or no longer"
        )
    if enqueued.outcome is not EnqueueOutcome.UNIQUE or enqueued.other is None:
        raise UsageError(f"{known.name}: was not added: {enqueued.outcome}")
    return enqueued.other
