"""`@task`: a function that workers can run too.

    @task(queue="mail", retries=3)
    async def send(to: str) -> int: ...

    await send("ann")                  # the function itself, here
    handle = await send.submit("ann")  # on a worker; needs an open `rq_agent.Client`
    await handle.result()

What a task does on a worker needs none of this: there, the function below it is called.
"""

from __future__ import annotations

from functools import update_wrapper

from . import clients

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import (
        Any,
        Generic,
        Literal,
        Never,
        ParamSpec,
        Protocol,
        TypedDict,
        TypeVar,
        Unpack,
        overload,
    )

    from ..api.handle import Handle

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")

    class Options(TypedDict, total=False):
        """What may be said of a task. Times are in seconds."""

        queue: str
        name: str
        """For people; else the name of the function."""
        priority: int
        """-128 to 127, higher is sooner."""
        labels: Mapping[str, str]
        timeout: float
        grace: float
        """Between being asked to stop and being killed."""
        delay: float
        retries: int
        """Most tries after the first one, where it raised, timed out, or its machine failed."""
        retry_delay: float
        """Before the first retry; then twice as long each time."""
        restart: Literal["never", "on-failure", "always"]
        """Of what is to run for ever."""
        unique: str
        """At most one live task has this key: another submit returns that one."""
        concurrency_key: str
        concurrency_limit: int
        """So many tasks with that key run at a time."""
        result_ttl: float
        """How long the result is kept; else as long as the task's record."""
        after: Sequence[Handle[Any] | str | tuple[Handle[Any] | str, Literal["ok", "any", "fail"]]]
        """Tasks that must have ended before: `ok` (the default): succeeded."""

    class _Decorator(Protocol):
        @overload
        def __call__(
            self, function: Callable[P, Coroutine[Any, Any, R]], /
        ) -> Task[P, R, Coroutine[object, Never, R]]: ...
        @overload
        def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...

else:
    P = R = C = None

    class Generic:
        """Stands for that of typing, which costs more to import than all the rest."""

        def __class_getitem__(cls, _parameters):
            return cls


_NAMES = (
    *("queue", "name", "priority", "labels", "timeout", "grace", "delay", "retries"),
    *("retry_delay", "restart", "unique", "concurrency_key", "concurrency_limit"),
    *("result_ttl", "after"),
)
_COROUTINE = 0x80
"""`inspect.CO_COROUTINE`; importing inspect takes 10 ms."""


class Task(Generic[P, R, C]):
    """A function, and how it is run on a worker. Called, it is the function, here and now."""

    __wrapped__: Callable[P, C]
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[P, C], options: Options) -> None:
        if isinstance(function, type) or not callable(function):
            raise TypeError(f"@task is for functions, not for {function!r}")
        self._task_options = _checked(options)
        update_wrapper(self, function)
        self.is_coroutine = _is_async(function)
        if self.is_coroutine:
            _mark(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """Call the function itself."""
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.__module__}.{self.__qualname__}>"

    @property
    def task_options(self) -> Options:
        """What was said with `@task(...)` and `.options(...)`."""
        return self._task_options

    def options(self, **changed: Unpack[Options]) -> Task[P, R, C]:
        """Return the same task with other options: `await fn.options(queue="low").submit(1)`."""
        return Task(self.__wrapped__, {**self._task_options, **changed})

    async def submit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Put a call of the function on a queue, with the client that is open here."""
        return await clients.current().submit(self, *args, **kwargs)

    async def submit_many(
        self, calls: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[Handle[R]]:
        """Put many calls on a queue: each the positional arguments, or a dict of named ones."""
        return await clients.current().submit_many(self, calls)

    async def map(self, values: Iterable[Any]) -> list[Handle[R]]:
        """Put a call with each of the values, the only argument, on a queue."""
        return await clients.current().map(self, values)

    def handle(self, task_id: str) -> Handle[R]:
        """Return the handle of a task of this function that was submitted before."""
        return clients.current().handle(task_id, of=self)


def _checked(options: Options) -> Options:
    for name in options:
        if name not in _NAMES:
            from difflib import get_close_matches

            near = get_close_matches(name, _NAMES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(_NAMES)}"
            raise TypeError(f"@task has no option {name!r}; {hint}")
    return options


def _is_async(function: object) -> bool:
    """Whether it, or what it wraps as other decorators do, is an `async def`."""
    while function is not None:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None and code.co_flags & _COROUTINE:
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def _mark(one: Any) -> None:
    """Let inspect and asyncio take it for the coroutine function that it is."""
    import inspect

    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(one)
    else:  # before Python 3.12
        import asyncio.coroutines

        one._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]


if TYPE_CHECKING:

    @overload
    def task(
        function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Coroutine[object, Never, R]]: ...
    @overload
    def task(function: Callable[P, R], /) -> Task[P, R, R]: ...
    @overload
    def task(**options: Unpack[Options]) -> _Decorator: ...


def task(function: Any = None, /, **options: Any) -> Any:
    """Make a task of a function: `@task`, or `@task(queue="mail", retries=3)`; see Options."""
    if function is not None:
        return Task(function, {})
    _checked(options)  # type: ignore[arg-type]
    return lambda one: Task(one, options)  # type: ignore[arg-type]
