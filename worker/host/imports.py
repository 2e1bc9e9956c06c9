"""Finds the functions of calls; their modules are imported in threads, one at a time each."""

from __future__ import annotations

import asyncio
import threading

from . import calling
from .call import CURRENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .call import Call

    Found = Callable[[Call, Callable[..., Any] | None, BaseException | None], None]


class Imports:
    """Calls wait here for their functions while the others run on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, found: Found) -> None:
        """`found` is called in the loop: with a call and its function, or why there is none."""
        self._loop = loop
        self._found = found
        self._waiting: dict[str, dict[str, list[Call]]] = {}
        """Module -> target -> calls."""

    def wait(self, call: Call) -> None:
        """Find the function of a call; what the import prints belongs to the call that causes it."""
        module = call.target.rpartition(":")[0]
        targets = self._waiting.get(module)
        if targets is not None:
            targets.setdefault(call.target, []).append(call)
            return
        self._waiting[module] = {call.target: [call]}
        self._begin(module)

    def _begin(self, module: str) -> None:
        target, (call, *_) = next(iter(self._waiting[module].items()))
        thread = threading.Thread(
            target=self._import, args=(call, module, target), name=f"import {module}", daemon=True
        )
        token = CURRENT.set(None)
        try:
            thread.start()
        except RuntimeError as e:  # no more threads
            self._loop.call_soon(self._imported, module, target, None, e)
        finally:
            CURRENT.reset(token)

    def _import(self, call: Call, module: str, target: str) -> None:
        CURRENT.set(call)
        asyncio.set_event_loop(self._loop)  # up to 3.9 a lock of a module asks for it
        function, error = None, None
        try:
            function = calling.resolve(target)
        except BaseException as e:  # noqa: BLE001  any code of the user runs in an import
            error = e
        self._loop.call_soon_threadsafe(self._imported, module, target, function, error)

    def _imported(
        self,
        module: str,
        target: str,
        function: Callable[..., Any] | None,
        error: BaseException | None,
    ) -> None:
        targets = self._waiting[module]
        calls = targets.pop(target)
        if targets:
            self._begin(module)
        else:
            del self._waiting[module]
        for call in calls:
            if not call.has_ended:
                self._found(call, function, error)
