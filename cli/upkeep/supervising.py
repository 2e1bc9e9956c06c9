"""Being the supervisor: detached, or in the foreground."""

import os
from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread

from ...broker.errors import RqAgentError
from .. import config
from ..config import Settings
from . import place
from .supervisor import Supervisor


def supervise(settings: Settings, *, ready: Callable[[], None] | None = None) -> None:
    """Be the supervisor, until a signal says to end.

    Args:
        settings: of this process.
        ready: called in a thread once it has begun; None: we are detached.
    """
    here = place.of(settings.home)
    if (wanted := place.read_wanted(here)) is None:
        raise RqAgentError(f"{here.wanted} is gone: `rq-agent up` writes it")
    os.chdir("/")  # no folder stays in use because of us
    environ = config.handed_on(settings, config.variables())
    supervisor = Supervisor(here, wanted, settings.home.data, environ, foreground=ready is not None)
    anyio.run(_run, supervisor, ready)


async def _run(supervisor: Supervisor, ready: Callable[[], None] | None) -> None:
    async with anyio.create_task_group() as tg:
        if ready is not None:
            tg.start_soon(partial(anyio.to_thread.run_sync, ready, abandon_on_cancel=True))
        await supervisor.run()
        tg.cancel_scope.cancel()
