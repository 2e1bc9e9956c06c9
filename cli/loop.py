"""Runs the asynchronous part of a command so that Ctrl-C always ends it."""

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

_Result = TypeVar("_Result")


def run(step: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return what step returns.

    Ctrl-C cancels a scope, not only the task as asyncio does by itself: the Redis client loses
    a cancellation that comes while it sends (`asyncio.wait_for` before Python 3.12).

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    if sys.platform == "win32":  # has no signal handlers of a loop
        return anyio.run(step)
    results = anyio.run(_unless_interrupted, step)
    if not results:
        raise KeyboardInterrupt
    return results[0]


async def _unless_interrupted(step: Callable[[], Awaitable[_Result]]) -> list[_Result]:
    """Return the one result, none after Ctrl-C."""
    results: list[_Result] = []
    async with anyio.create_task_group() as tg:
        await tg.start(_cancel_on_interrupt, tg.cancel_scope)
        results.append(await step())
        tg.cancel_scope.cancel()
    return results


async def _cancel_on_interrupt(
    scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT) as received:
        task_status.started()
        async for _ in received:
            scope.cancel()
            return
