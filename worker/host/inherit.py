"""Threads and executors that a task uses belong to it: what they print goes to its log."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from .call import CURRENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    from .call import Call


def install() -> None:
    """From now on; only our own variable is handed on, a task sees its own as in plain Python."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_in_call(self: threading.Thread) -> None:
        call = CURRENT.get()
        if call is not None:
            vars(self)["run"] = _Run(call, self.run)
        start(self)

    def submit_in_call(
        self: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        call = CURRENT.get()
        if call is None:
            return submit(self, function, *args, **kwargs)
        token = CURRENT.set(None)  # the thread that this may start works for others too
        try:
            return submit(self, _within, call, function, *args, **kwargs)
        finally:
            CURRENT.reset(token)

    threading.Thread.start = start_in_call  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_in_call  # type: ignore[assignment,method-assign]


class _Run:
    """`run` of one thread, within a call."""

    def __init__(self, call: Call, run: Callable[[], None]) -> None:
        self._call = call
        self._run = run

    def __call__(self) -> None:
        CURRENT.set(self._call)
        self._run()


def _within(call: Call, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    token = CURRENT.set(call)
    try:
        return function(*args, **kwargs)
    finally:
        CURRENT.reset(token)
