"""Ends what `up` keeps running: asks the supervisor, or its processes where it is gone."""

import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import anyio

from ...broker.errors import RqAgentError
from ..config import Settings
from . import asking, place, processes
from .place import UpState
from .processes import Process

_LIMIT_S: Final = 30.0
_NUDGE_S: Final = 1.0


def left_of(settings: Settings) -> UpState | None:
    """Return the state of an `up` of which something still lives; None if nothing does."""
    state = place.read_state(place.of(settings.home))
    return state if state and alive(state) else None


def is_about(state: UpState, settings: Settings) -> bool:
    """Return whether an `up` serves what the settings name."""
    here = (asking.server_of(settings), settings.namespace)
    return (state.wanted.server, state.wanted.namespace) == here


def alive(state: UpState) -> Sequence[Process]:
    """Return the processes to tell: the supervisor, which ends its own, else those left."""
    if processes.is_alive(state.process):
        return [state.process]
    found = [part.process for part in state.parts if part.process]
    return [process for process in found if processes.is_alive(process)]


async def end(settings: Settings, state: UpState | None, *, force: bool) -> None:
    """End everything, and return when it has; what was asked for is forgotten.

    Args:
        settings: whose home it is.
        state: what left_of() returned.
        force: the worker gives back what it runs; else it finishes that.

    Raises:
        RqAgentError: something does not end.
    """
    here = place.of(settings.home)
    told = alive(state) if state else ()
    with anyio.move_on_after(_LIMIT_S) as limit:
        async with anyio.create_task_group() as tg:
            for process in told:
                tg.start_soon(_end, process, force)
    if limit.cancelled_caught:
        left = next(process for process in told if processes.is_alive(process))
        raise RqAgentError(f"process {left.pid} has not ended after {_LIMIT_S:.0f} s")
    for path in (here.wanted, here.state):
        with suppress(FileNotFoundError):
            path.unlink()


async def _end(process: Process, force: bool) -> None:
    processes.tell(process, signal.SIGTERM)
    async with anyio.create_task_group() as tg:
        if force:
            tg.start_soon(_nudge, process)
        await processes.until_gone(process)
        tg.cancel_scope.cancel()


async def _nudge(process: Process) -> None:
    while True:
        await anyio.sleep(_NUDGE_S)
        processes.tell(process, signal.SIGTERM)
