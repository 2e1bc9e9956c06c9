"""Ends a worker that has had nothing to do for a while."""

import anyio

from .config import WorkerConfig
from .held import HeldTasks
from .signals import Signals


async def leave_when_idle(config: WorkerConfig, tasks: HeldTasks, signals: Signals) -> None:
    """Drain after `idle_timeout_s` without a task."""
    if not config.idle_timeout_s:
        return
    while not signals.draining:
        heard = signals.heard
        if len(tasks):
            await signals.news(since=heard)
            continue
        with anyio.move_on_after(config.idle_timeout_s) as scope:
            while len(tasks) == 0:
                await signals.news(since=heard)
                heard = signals.heard
        if scope.cancelled_caught:
            signals.drain(f"idle for {config.idle_timeout_s:g} s")
