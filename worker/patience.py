"""Waiting for Redis without failing a task, and giving up when the task is told to stop."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ..broker.errors import BrokerUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
_RETRY_S = 1.0


async def patiently(step: Callable[[], Awaitable[T]], *, what: str) -> T:
    """Return what step returns, however long Redis is away. The step must be replay-safe."""
    while True:
        try:
            return await step()
        except BrokerUnavailable as e:
            log.warning("%s: %s; next try in %.0f s", what, e, _RETRY_S)
            await anyio.sleep(_RETRY_S)


async def unless(stopping: anyio.Event, step: Callable[[], Awaitable[T]]) -> T | None:
    """Return what step returns, or None if `stopping` was set first: then step is cancelled."""
    result: T | None = None
    failed: Exception | None = None

    async def give_up() -> None:
        await stopping.wait()
        tg.cancel_scope.cancel()

    async with anyio.create_task_group() as tg:
        tg.start_soon(give_up)
        try:
            result = await step()
        except Exception as e:  # noqa: BLE001 - see the next line
            failed = e  # raised below: a task group would wrap it
        tg.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return result
