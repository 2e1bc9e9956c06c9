"""Waiting for Redis without failing a task, and giving up when the task is told to stop."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio

from ..broker.errors import BrokerUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")
_RETRY_S = 1.0


async def patiently(step: Callable[[], Awaitable[T]], *, what: str) -> T:
    """Return what step returns, however long Redis is away. The step must be replay-safe."""
    level = logging.WARNING
    while True:
        try:
            return await step()
        except BrokerUnavailable as e:
            log.log(level, "%s: %s; waits for it", what, e)
            level = logging.DEBUG  # the worker tells how long it lasts
            await anyio.sleep(_RETRY_S)


async def unless(stopping: anyio.Event, step: Callable[[], Awaitable[T]]) -> T | None:
    """Return what step returns, or None if `stopping` was set first: then step is cancelled."""
    result: T | None = None

    async def give_up() -> None:
        await stopping.wait()
        tg.cancel_scope.cancel()

    with unwrapped():
        async with anyio.create_task_group() as tg:
            tg.start_soon(give_up)
            result = await step()
            tg.cancel_scope.cancel()
    return result


async def both(
    first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[U]]
) -> tuple[T, U]:
    """Return what two steps return that run side by side; an error of one cancels the other."""
    found: list[T] = []

    async def run_first() -> None:
        found.append(await first())

    with unwrapped():
        async with anyio.create_task_group() as tg:
            tg.start_soon(run_first)
            result = await second()
    return found[0], result


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the first error of a task group as it is: callers here react to one at a time."""
    try:
        yield
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from error.__cause__ or group


@contextmanager
def one_level_less() -> Iterator[None]:
    """Raise the only error of a task group as it was raised in its body."""
    try:
        yield
    except ExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from group.exceptions[0].__cause__
