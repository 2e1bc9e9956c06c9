"""Tasks that the code of a call starts belong to the call, and so do errors of its callbacks."""

from __future__ import annotations

import asyncio

from .call import CURRENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a task as asyncio does, and note whose it is.

    One that is started in a context of its own (`context=contextvars.Context()`) is nobody's.
    """
    task = asyncio.Task(coroutine, loop=loop, **options)
    context = options.get("context")
    call = CURRENT.get() if context is None else context.get(CURRENT)
    if call is not None and not call.has_ended:
        if call.children is None:
            call.children = set()
        call.children.add(task)
        task.add_done_callback(call.children.discard)
    return task


def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that nobody waits for, as asyncio does, in the log of the call it comes from."""
    owner: Any = context.get("handle") or context.get("task") or context.get("future")
    given = getattr(owner, "_context", None)
    if given is None and hasattr(owner, "get_context"):  # from 3.12 on
        given = owner.get_context()
    if given is None:
        loop.default_exception_handler(context)
    else:
        given.copy().run(loop.default_exception_handler, context)
