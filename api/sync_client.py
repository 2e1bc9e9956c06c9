"""`rq_agent.SyncClient`: the client for programs without an event loop, and for threads."""

import atexit
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from anyio.from_thread import BlockingPortal

from ..broker.events import Event
from ..sdk.task import Task
from .client import Client
from .here import FORKED
from .loop_thread import LoopThread
from .sync_handle import SyncHandle

P = ParamSpec("P")
R = TypeVar("R")


class SyncClient:
    """A connection to one namespace that all threads of this process may use.

    with SyncClient() as client:
        print(client.submit(function, 3).result())

    It connects when it is first used, so that it may be made at the top of a module; its one
    background thread ends with close(), or with the process.
    """

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        root: Path | str | None = None,
        *,
        context: str | None = None,
    ) -> None:
        """Args, see Client."""
        self._client = Client(url, namespace, root, context=context)
        self._opening = Lock()
        self._thread: LoopThread | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect, and end the thread. Tasks go on; another use connects again."""
        with self._opening:
            thread, self._thread = self._thread, None
            if thread is not None and self._pid == os.getpid():
                atexit.unregister(self.close)
                try:
                    thread.portal.call(self._client.close)
                finally:
                    thread.stop()

    @overload
    def submit(
        self, task: Task[P, R, Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> SyncHandle[R]: ...
    @overload
    def submit(
        self, task: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> SyncHandle[R]: ...
    @overload
    def submit(
        self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> SyncHandle[R]: ...
    def submit(self, task: Any, /, *args: Any, **kwargs: Any) -> SyncHandle[Any]:
        """Put a call of a function on a queue; see Client.submit."""
        portal = self._open()
        return SyncHandle(portal, portal.call(lambda: self._client.submit(task, *args, **kwargs)))

    @overload
    def submit_many(
        self, task: Task[..., R, Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[SyncHandle[R]]: ...
    @overload
    def submit_many(
        self, task: Callable[..., Any], calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[SyncHandle[Any]]: ...
    def submit_many(self, task: Any, calls: Iterable[Any]) -> list[SyncHandle[Any]]:
        """Put many calls on a queue; see Client.submit_many."""
        portal = self._open()
        handles = portal.call(self._client.submit_many, task, calls)
        return [SyncHandle(portal, handle) for handle in handles]

    @overload
    def map(self, task: Task[..., R, Any], values: Iterable[Any]) -> list[SyncHandle[R]]: ...
    @overload
    def map(self, task: Callable[..., Any], values: Iterable[Any]) -> list[SyncHandle[Any]]: ...
    def map(self, task: Any, values: Iterable[Any]) -> list[SyncHandle[Any]]:
        """Put a call with each of the values, its only argument, on a queue."""
        return self.submit_many(task, ((value,) for value in values))

    def gather(self, *handles: SyncHandle[Any], return_exceptions: bool = False) -> list[Any]:
        """Return the results of tasks in their order; see Client.gather."""
        waiting = [handle.waiting for handle in handles]
        portal = self._open()
        return portal.call(
            lambda: self._client.gather(*waiting, return_exceptions=return_exceptions)
        )

    @overload
    def handle(self, task_id: str, *, of: Task[..., R, Any]) -> SyncHandle[R]: ...
    @overload
    def handle(self, task_id: str, *, of: Callable[..., Any] | None = None) -> SyncHandle[Any]: ...
    def handle(self, task_id: str, *, of: Any = None) -> SyncHandle[Any]:
        """Return the handle of a task that was submitted before; see Client.handle."""
        portal = self._open()

        async def make() -> Any:
            return self._client.handle(task_id, of=of)

        return SyncHandle(portal, portal.call(make))

    def events(self, after: str = "") -> Iterator[Event]:
        """Yield what happens to all tasks of the namespace; see Client.events."""
        portal = self._open()
        stream = self._client.events(after)
        try:
            while True:
                yield portal.call(stream.__anext__)
        finally:
            portal.call(stream.aclose)

    def _open(self) -> BlockingPortal:
        """Return the way to the client's loop; start it where that was not done yet."""
        if self._thread is None:
            with self._opening:
                if self._thread is None:
                    self._thread, self._pid = self._started(), os.getpid()
        if self._pid != os.getpid():
            raise RuntimeError(FORKED)
        return self._thread.portal

    def _started(self) -> LoopThread:
        thread = LoopThread()
        try:
            thread.portal.call(self._client.open)
        except BaseException:
            thread.stop()
            raise
        atexit.register(self.close)  # its connections are closed while there is a loop for that
        return thread
