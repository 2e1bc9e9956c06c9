"""The side of the person who types `up`: asks the supervisor, or starts it, and waits."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import anyio
import anyio.to_thread

from ...broker.embedded.lock import is_held, locked
from ...broker.embedded.stop import stop_if_unused
from ...broker.errors import RqAgentError, UsageError
from .. import config, identity
from ..broker_url import working_url
from ..config import Settings
from ..render.screen import Screen
from ..stderr_log import log_to_stderr
from ..up_options import UpOptions
from . import asking, listening, logs, place, processes, report, settled
from .place import Place, UpState
from .supervisor import Supervisor
from .wanted import Wanted, same

_LOCK_S: Final = 60.0
_STARTED_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.05


def bring_up(settings: Settings, options: UpOptions, screen: Screen) -> int:
    """Start what is missing and tell how it stands."""
    if sys.platform == "win32":
        raise UsageError("`rq-agent up` needs Linux or macOS; on Windows run it in WSL")
    here = place.of(settings.home)
    place.make(here)
    with locked(here.lock, timeout_s=_LOCK_S), screen.progress("starting the server") as step:
        running = running_now(here)
        wanted = _wanted(settings, options, here, running)
        is_new = running is None or not same(running.wanted, wanted) or _is_halted(running)
        working_url(settings, report=screen.say)
        identity.own_key(settings.home)  # so that this machine's user can use it at once
        if is_new:
            place.write(here.wanted, wanted)
        if not options.foreground:
            step("starting worker and scheduler")
            if is_new:
                _make_it_so(settings, here, running)
            state = settled.wait(here, wanted if running is None or is_new else running.wanted)
    if options.foreground:
        return _stay(settings, here, wanted, screen)
    return report.show(settings, screen, state, is_new=is_new)


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


def running_now(here: Place) -> UpState | None:
    """Return the state of the supervisor that lives; None if none does. Call it under the lock."""
    give_up = time.monotonic() + _STARTED_S
    while is_held(here.supervisor_lock):
        if (state := place.read_state(here)) is not None and processes.is_alive(state.process):
            return state
        if time.monotonic() > give_up:
            raise RqAgentError(f"`up` runs, but does not write {here.state}: see {here.log('up')}")
        time.sleep(_LOOK_EVERY_S)
    return None


def _wanted(settings: Settings, options: UpOptions, here: Place, running: UpState | None) -> Wanted:
    """Return what shall run from now on.

    Raises:
        UsageError: it is not possible, or not beside what runs.
    """
    wanted = _asked(settings, options, here, running)
    if wanted.listen and (running is None or running.wanted.listen != wanted.listen):
        listening.check_free(listening.parse(wanted.listen))
    return wanted


def _asked(settings: Settings, options: UpOptions, here: Place, running: UpState | None) -> Wanted:
    server, namespace = asking.server_of(settings), settings.namespace
    if running is None:
        before = None if options.foreground else place.read_wanted(here)
        if before is None or (before.server, before.namespace) != (server, namespace):
            before = asking.first(settings)
        return asking.merged(before, options, settings)
    if options.foreground:
        raise UsageError(f"it already runs, with pid {running.process.pid}: `rq-agent down` first")
    if running.is_ending:
        raise RqAgentError("it is ending just now: wait for that, or `rq-agent down --force`")
    if (running.wanted.server, running.wanted.namespace) != (server, namespace):
        there = running.wanted.server or "the embedded server"
        raise UsageError(
            f"it already runs for {there}, namespace {running.wanted.namespace}: "
            "`rq-agent down` first, or give the second one a home of its own with RQ_AGENT_HOME"
        )
    return asking.merged(running.wanted, options, settings)


def _is_halted(running: UpState) -> bool:
    """Return whether something does not run that could be tried now."""
    return any(part.state in ("stopped", "waiting", "failing") for part in running.parts)


def _make_it_so(settings: Settings, here: Place, running: UpState | None) -> None:
    """Start a supervisor, or tell the one that runs that there is something new."""
    if running is not None:
        processes.tell(running.process, signal.SIGUSR1)
        return
    begin = logs.size(here.log("up"))
    environ = config.handed_on(settings, config.variables())
    started = processes.start(("_up",), here.log("up"), environ)
    give_up = time.monotonic() + _STARTED_S
    while (state := place.read_state(here)) is None or state.process != started:
        if not processes.is_alive(started) or time.monotonic() > give_up:
            how = processes.in_words(processes.reap(started))
            raise RqAgentError(
                f"the supervisor {how} at its start; {here.log('up')} says:\n{logs.since(here.log('up'), begin)}"
            )
        time.sleep(_LOOK_EVERY_S)


def _stay(settings: Settings, here: Place, wanted: Wanted, screen: Screen) -> int:
    """Be the supervisor here, then end the server if nobody needs it."""
    log_to_stderr(verbose=settings.verbose)
    supervise(settings, ready=lambda: _tell(settings, here, wanted, screen))
    if not settings.url and stop_if_unused(settings.home.data):
        screen.say("stopped the embedded server: nobody uses it any more")
    return 0


def _tell(settings: Settings, here: Place, wanted: Wanted, screen: Screen) -> None:
    report.show(settings, screen, settled.wait(here, wanted), is_new=True)
