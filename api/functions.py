"""The functions that a client knows, each looked at and packed once."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ..sdk.task import Task
from . import results
from .arguments import Arguments
from .calls import Calls
from .code import Packs, workdir_of
from .link import Link
from .places import place_of
from .wishes import submission_of


class Known:
    """A function with options, ready to be called any number of times."""

    __slots__ = ("arguments", "calls", "convert", "name")

    def __init__(
        self, name: str, arguments: Arguments, convert: results.Convert, calls: Calls
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.convert = convert
        self.calls = calls


class Functions:
    """Makes and keeps what is known of functions."""

    def __init__(self, link: Link, packs: Packs, root: Path | None) -> None:
        self._link = link
        self._root = root
        self._packs = packs
        self._known: WeakKeyDictionary[Task[..., Any, Any], Known] = WeakKeyDictionary()

    def known(self, task: Task[..., Any, Any]) -> Known | None:
        """Return what is known of a function with these options."""
        return self._known.get(task)

    async def learn(self, task: Task[..., Any, Any], *, anew: bool = False) -> Known:
        """Look at a function and pack its code, if nobody has yet.

        Raises:
            UsageError, SnapshotError: it can't be a task, or its code can't travel.
            BrokerUnavailable: Redis did not take the code.
        """
        place = place_of(task)
        submission = submission_of(
            place, task.task_options, self._link, workdir=workdir_of(place.top, self._root)
        )
        if anew:
            self._packs.forget(submission)
        packed = await self._packs.of(submission)
        calls = Calls(self._link.namespace.name, submission, packed, self._link.pair)
        name = place.function.name
        arguments = Arguments(name, task.__wrapped__)
        known = self._known[task] = Known(name, arguments, results.of_task(task), calls)
        return known
