"""What a TestClient has in the place of packed code, of waiting, and of workers."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import UNSET

from ..broker import definition as definitions
from ..broker.definition import Code, Definition, Entry, EnvironmentSpec
from ..broker.errors import TaskNotFound
from ..broker.keys import TaskId
from ..broker.namespace import Namespace
from ..broker.new_task import DefinitionUpload
from ..broker.results import End, Results
from ..broker.submission import Packed, Submission
from ..broker.waiting import Ends
from ..sdk.task import Task
from .code import Packs
from .desk import Desk
from .functions import Functions, Known
from .here import Here
from .link import Link
from .submitting import Submits, Submitted

Run = Callable[[], Awaitable[int]]
"""Runs all tasks that are ready; returns how many."""


class NoPacks:
    """Definitions whose code stays here."""

    async def of(self, submission: Submission) -> Packed:
        """Return a definition of the function alone."""
        script, module = submission.target.name, submission.module
        definition = Definition(
            code=Code(form="file", blob=hashlib.sha256(b"").hexdigest(), size_bytes=0),
            environment=EnvironmentSpec(),
            entry=Entry(
                script=script,
                module=module.name if module else "",
                function=submission.function or UNSET,
            ),
        )
        encoded = definitions.encode(definition)
        upload = DefinitionUpload(encoded=encoded)
        digest = definitions.digest(encoded)
        return Packed(summary="", environment="", digest=digest, upload=upload, warnings=())

    def forget(self, submission: Submission) -> None:
        """Nothing was kept."""


class Remembering(Functions):
    """Knows functions by their definitions."""

    def __init__(self, link: Link, packs: Packs, root: Path | None) -> None:
        super().__init__(link, packs, root)
        self.by_digest: dict[str, Task[..., Any, Any]] = {}

    async def learn(self, task: Task[..., Any, Any], *, anew: bool = False) -> Known:
        """Look at a function, and keep it."""
        known = await super().learn(task, anew=anew)
        self.by_digest[known.calls.digest] = task
        return known


class Eager:
    """Runs what was submitted before it returns."""

    def __init__(self, submits: Submits, run: Run) -> None:
        self._submits = submits
        self._run = run

    async def one(
        self, task: Task[..., Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Submitted:
        """Submit one call."""
        submitted = await self._submits.one(task, args, kwargs)
        await self._run()
        return submitted

    async def many(
        self, task: Task[..., Any, Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Submitted]:
        """Submit many calls."""
        submitted = await self._submits.many(task, calls)
        await self._run()
        return submitted


class InlineDesk(Desk):
    """Runs what is ready before it waits for an end: nobody else will."""

    def __init__(self, here: Here, ns: Namespace, ends: Ends, run: Run) -> None:
        super().__init__(here, ns, ends)
        self._results = Results(ns)
        self._run = run

    async def end(self, task_id: TaskId, timeout_s: float | None) -> End:
        """Run what is ready, and return the end of a task; raise RuntimeError if it has none."""
        self._here.check()
        await self._run()
        [end] = await self._results.read_many([task_id])
        if end is None:
            raise TaskNotFound(task_id)
        if not end.is_final:
            raise RuntimeError(
                f"task {task_id} is {end.state}, and in a TestClient nobody else will run it"
            )
        return end
