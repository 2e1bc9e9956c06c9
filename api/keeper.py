"""What a client does in the background, in a task group of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup


class Keeper:
    """A task group that need not be left by the task that entered it.

    Test fixtures and web servers open a client in one task and close it in another; a task group
    allows that only where it has a task to itself. That one task is awaited in close().
    """

    def __init__(self) -> None:
        self._group: TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin."""
        ready = anyio.Event()
        self._task = asyncio.create_task(self._run(ready))
        await ready.wait()

    def spawn(self, step: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
        """Run a step in the background. An error of it ends everything here, and close() raises it."""
        assert self._group is not None
        self._group.start_soon(step, *args)

    async def close(self) -> None:
        """End everything, and wait for it."""
        if self._group is None or self._task is None:
            return
        self._group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._task

    async def _run(self, ready: anyio.Event) -> None:
        async with anyio.create_task_group() as self._group:
            ready.set()
            await anyio.sleep_forever()
