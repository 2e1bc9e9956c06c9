"""One call that a host runs, and whose code it is that runs now."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from .output import Output


class Call:
    """What is known of a call. There may be ten thousand: what most don't need is made late."""

    __slots__ = (
        "arguments",
        "cause",
        "children",
        "err",
        "grace_s",
        "has_ended",
        "key",
        "log",
        "note",
        "out",
        "started",
        "stop_at",
        "target",
        "task",
        "timeout_s",
        "timer",
    )

    def __init__(
        self,
        key: str,
        target: str,
        arguments: Any,
        timeout_s: float,
        grace_s: float,
        note: str,
        log: bool,
    ) -> None:
        self.key = key
        self.target = target
        self.arguments = arguments
        self.timeout_s = timeout_s
        self.grace_s = grace_s
        self.note = note
        self.log = log
        self.started = 0.0
        self.task: asyncio.Task[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.cause = ""
        """Why it is being stopped; empty while it is not."""
        self.stop_at = 0.0
        self.out: Output | None = None
        self.err: Output | None = None
        self.children: set[asyncio.Future[Any]] | None = None
        """Tasks that its code has started and that have not ended."""
        self.has_ended = False


CURRENT: ContextVar[Call | None] = ContextVar("rq_agent_call", default=None)
"""Whose code runs. Tasks, callbacks and threads that it starts inherit it."""
