"""Follows a task on behalf of a command, and says how it ended."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ..broker.keys import TaskId
from ..broker.namespace import Namespace
from ..broker.results import NONE, Results, beginning
from . import exits
from .broker_url import working_url
from .config import Settings
from .follow import Follower, Tend, View
from .render import words
from .render.follow_view import FollowView
from .render.records import task_json
from .render.screen import Screen
from .render.times import length, size

if TYPE_CHECKING:
    from ..broker.record import Record

_SHORT_BYTES: Final = 200
"""Of a result that is told in a line."""


async def follow_to_end(
    namespace: Namespace,
    blocking: Namespace,
    task_id: TaskId,
    settings: Settings,
    screen: Screen,
    *,
    tend: Tend | None = None,
) -> int:
    """Show a task until it is final; return the exit code that it stands for."""
    out = sys.stderr.buffer if screen.json else sys.stdout.buffer
    view = FollowView(screen, out=out, err=sys.stderr.buffer)
    try:
        record = await follower(namespace, blocking, view, settings, tend=tend).follow(task_id)
    finally:
        view.close()
    screen.say(ended_line(record))
    if record.needs.light and record.state == "succeeded":
        await _say_result(namespace, record, screen)
    if screen.json:
        screen.print_json(task_json(record))
    return exits.of_task(record)


async def _say_result(namespace: Namespace, record: "Record", screen: Screen) -> None:
    """Say what a function returned, where that is short."""
    result, size_bytes = await beginning(namespace, record.id)
    if 0 < size_bytes <= _SHORT_BYTES:
        screen.say(f"it returned {result}")
    elif size_bytes:
        screen.say(f"it returned {size(size_bytes)} of JSON:  rq-agent result {record.id}")
    else:
        [end] = await Results(namespace).read_many([record.id])
        if end is not None and end.problem not in ("", NONE):
            screen.warn(end.problem)


def follower(
    namespace: Namespace,
    blocking: Namespace,
    view: View,
    settings: Settings,
    *,
    tend: Tend | None = None,
) -> Follower:
    """Return a follower that starts the embedded server again should it die."""
    return Follower(namespace, blocking, view, revive=reviver(settings), tend=tend)


def reviver(settings: Settings) -> Callable[[], Awaitable[object]] | None:
    """Return what starts the embedded server again; None where another one is used."""
    if settings.url:
        return None
    return partial(anyio.to_thread.run_sync, partial(working_url, settings))


def say_detached(task_id: str | None, screen: Screen) -> int:
    """Say that Ctrl-C ended the following, not the task; return the exit code."""
    if task_id is None:
        screen.say("interrupted: nothing was submitted")
    else:
        screen.say(f"\nthe task goes on:  rq-agent logs -f {task_id}")
        screen.say(f"to stop it:        rq-agent cancel {task_id}")
    return exits.INTERRUPTED


def ended_line(record: "Record") -> str:
    """Return one line about how a task ended."""
    took = ""
    if record.started_at is not None and record.finished_at is not None:
        took = length(record.finished_at - record.started_at)
    return f"task {record.id} {words.end(record, took=took)}"
