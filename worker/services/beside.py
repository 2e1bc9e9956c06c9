"""What goes on beside, until it is told to end."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup


class Beside:
    """Steps in a task group of somebody else, that can be cancelled without it."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._scopes: set[anyio.CancelScope] = set()

    def go(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do one more thing."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._group.start_soon(self._within, scope, step)

    def cancel(self) -> None:
        """Cancel all of it, also what has not begun."""
        for scope in self._scopes:
            scope.cancel()

    async def _within(
        self, scope: anyio.CancelScope, step: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        with scope:
            await step()
        self._scopes.discard(scope)
