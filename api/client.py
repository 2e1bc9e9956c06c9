"""`rq_agent.Client`: submits calls of functions and waits for them, within an event loop."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, overload

import anyio

from ..broker.events import Event, Events
from ..broker.waiting import BLOCK_S, Ends
from ..sdk import clients
from ..sdk.task import Task
from ..worker.host.converting import as_it_is
from . import gathering, results
from .code import CodePacks
from .desk import Desk
from .functions import Functions
from .handle import Handle
from .here import Here
from .keeper import Keeper
from .link import Link, linked
from .sender import Sender
from .submitting import Submits, Submitted, Submitting

P = ParamSpec("P")
R = TypeVar("R")

_REMEMBERED: Final = 1000
"""Functions that are no tasks."""


class Client:
    """A connection to one namespace, for one event loop.

    async with Client() as client:
        handle = await client.submit(function, 3)
        print(await handle.result())

    While it is open, `await function.submit(3)` finds it.
    """

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        root: Path | str | None = None,
        *,
        context: str | None = None,
    ) -> None:
        """Args.

        url: of Redis; else as for the command line: RQ_AGENT_REDIS_URL, the current context,
            config.toml, or the embedded server, which is started.
        namespace: in it; else as for the command line.
        root: the folder that code is packed from; else the repository or project around it.
        context: name of a server, instead of a URL.
        """
        self._settings = {"url": url, "namespace": namespace, "context": context}
        self._root = None if root is None else Path(root)
        self._here = Here()
        self._keeper = Keeper()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect; `async with` does it. Close it on the same event loop.

        Raises:
            UsageError, SelectorError: a setting is wrong; names it.
            BrokerUnavailable: Redis does not answer, or is none that we can use.
        """
        if self._here.is_open:
            raise RuntimeError("the client is open already: make another one")
        self._link = await self._connect()
        self._keeper = Keeper()
        await self._keeper.open()
        self._here.open()
        self._blocking = self._link.blocking()
        self._desk, self._submitting = self._wired(self._link)
        clients.opened(self)

    async def close(self) -> None:
        """Disconnect. Who waits for a result is told; tasks go on."""
        if not self._here.is_open:
            return
        clients.closed(self)
        self._here.close()
        with anyio.CancelScope(shield=True):
            await self._keeper.close()
            await self._blocking.redis.aclose()
            await self._link.close()

    async def _connect(self) -> Link:
        return await linked(**self._settings)

    def _wired(self, link: Link) -> tuple[Desk, Submits]:
        ends = Ends(link.namespace, self._blocking)
        self._keeper.spawn(ends.run)
        functions = Functions(link, CodePacks(link.namespace), self._root)
        sender = Sender(link.enqueue, self._keeper.spawn)
        return Desk(self._here, link.namespace, ends), Submitting(link, functions, sender)

    @overload
    async def submit(
        self, task: Task[P, R, Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]: ...
    @overload
    async def submit(
        self, task: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]: ...
    @overload
    async def submit(
        self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]: ...
    async def submit(self, task: Any, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Put a call of a function on a queue.

        Cancelled, it is submitted once or not at all; where the connection breaks, it is
        submitted once as soon as Redis is back within some seconds.

        Raises:
            TypeError: the function takes other arguments.
            UsageError, SnapshotError: it can't be a task, its code can't travel, or an argument
                can't be sent; says why.
            BrokerUnavailable: Redis is away: whether the task is on its queue is not known.
        """
        self._here.check()
        return self._handle(await self._submitting.one(_task(task), args, kwargs))

    @overload
    async def submit_many(
        self, task: Task[..., R, Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Handle[R]]: ...
    @overload
    async def submit_many(
        self, task: Callable[..., Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Handle[Any]]: ...
    async def submit_many(self, task: Any, calls: Iterable[Any]) -> list[Handle[Any]]:
        """Put many calls on a queue; each is its positional arguments, or a dict of named ones.

        Raises:
            As `submit`; calls before the one that can't be sent may have been submitted.
        """
        self._here.check()
        return [self._handle(each) for each in await self._submitting.many(_task(task), calls)]

    @overload
    async def map(self, task: Task[..., R, Any], values: Iterable[Any]) -> list[Handle[R]]: ...
    @overload
    async def map(self, task: Callable[..., Any], values: Iterable[Any]) -> list[Handle[Any]]: ...
    async def map(self, task: Any, values: Iterable[Any]) -> list[Handle[Any]]:
        """Put a call with each of the values, its only argument, on a queue."""
        return await self.submit_many(task, ((value,) for value in values))

    async def gather(self, *handles: Handle[Any], return_exceptions: bool = False) -> list[Any]:
        """Return the results of tasks in their order.

        Args:
            handles: of the tasks.
            return_exceptions: put the errors of tasks among the results; else the first one is
                raised at once, and the other tasks go on.
        """
        self._here.check()
        return await gathering.gather(handles, return_exceptions=return_exceptions)

    @overload
    def handle(self, task_id: str, *, of: Task[..., R, Any]) -> Handle[R]: ...
    @overload
    def handle(self, task_id: str, *, of: Callable[..., Any] | None = None) -> Handle[Any]: ...
    def handle(self, task_id: str, *, of: Any = None) -> Handle[Any]:
        """Return the handle of a task that was submitted before, here or elsewhere.

        Args:
            task_id: its whole id.
            of: the function, which says what type is returned; without it: as in JSON.
        """
        convert = as_it_is if of is None else results.of_task(_task(of))
        self._here.check()
        return Handle(self._desk, task_id, convert)

    def _handle(self, task: Submitted) -> Handle[Any]:
        return Handle(self._desk, task.id, task.convert, queue=task.queue)

    async def events(self, after: str = "") -> AsyncGenerator[Event, None]:
        """Yield what happens to all tasks of the namespace, from now on.

        Args:
            after: id of an event, to go on from there.
        """
        self._here.check()
        blocking = self._link.blocking()
        try:
            stream, last = Events(blocking), after
            last = after or await stream.last()
            while True:
                for event in await stream.read(last, block_ms=int(BLOCK_S * 1000)):
                    last = event.id
                    yield event
        finally:
            with anyio.CancelScope(shield=True):
                await blocking.redis.aclose()


def _task(task: Any) -> Task[..., Any, Any]:
    return task if isinstance(task, Task) else _plain(task)


@lru_cache(_REMEMBERED)
def _plain(function: Callable[..., Any]) -> Task[..., Any, Any]:
    """Return a function that is no task as one with the usual options; the same one each time."""
    return Task(function, {})
