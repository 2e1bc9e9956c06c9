"""The side of the person who types `up`: asks the supervisor, or starts it, and waits."""

import signal
import sys
import time
from typing import Final

import anyio
import msgspec

from ...broker.embedded.lock import locked
from ...broker.embedded.start import has_users
from ...broker.embedded.stop import stop_if_unused
from ...broker.errors import RqAgentError, UsageError
from .. import config, identity
from ..broker_url import working_url
from ..config import Settings
from ..connected import connected
from ..relaying import UNGUARDED
from ..render.screen import Screen
from ..stderr_log import log_to_stderr
from ..up_options import UpOptions
from . import asking, logs, place, processes, report
from .place import Place, UpState
from .supervising import supervise
from .telling import told
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
        running = place.supervised(here)
        wanted = asking.wanted(settings, options, here, running)
        is_new = running is None or not same(running.wanted, wanted) or _is_halted(running)
        is_open = running is not None and _way_in(running.wanted) == _way_in(wanted)
        _make_ready(settings, wanted, screen, is_new=is_new)
        if is_new:
            place.write(here.wanted, wanted)
        elif running:
            wanted = running.wanted
        if not options.foreground:
            step("starting workers and scheduler")
            if is_new:
                _make_it_so(settings, here, running)
            found = told(settings, here, wanted, changed=is_new, invites=not is_open)
    if options.foreground:
        return _stay(settings, here, wanted, screen)
    code = report.show(screen, found)
    if words := report.moved(running.wanted if running else None, wanted):
        screen.warn(words)
    return code


def _way_in(wanted: Wanted) -> tuple[str, str]:
    return wanted.listen, wanted.host_name


def _make_ready(settings: Settings, wanted: Wanted, screen: Screen, *, is_new: bool) -> None:
    """Start the server, and make the user's key, so that both can be used at once.

    Raises:
        RqAgentError: the server can't be used, or can't be opened to a network.
    """
    url = working_url(settings, report=screen.say)
    if is_new:
        anyio.run(_look_at, url, settings.namespace)
    identity.own_key(settings.home)
    if wanted.listen and not has_users(settings.home.data):
        raise RqAgentError(UNGUARDED)


async def _look_at(url: str, namespace: str) -> None:
    async with connected(url, namespace):
        pass


def _is_halted(running: UpState) -> bool:
    """Return whether something does not run that could be tried now."""
    return any(part.state in ("stopped", "waiting", "failing") for part in running.parts)


def _make_it_so(settings: Settings, here: Place, running: UpState | None) -> None:
    """Start a supervisor, or tell the one that runs that there is something new."""
    if running is not None:
        processes.tell(running.process, signal.SIGUSR1)
        return
    log = here.log("up")
    begin = logs.size(log)
    environ = config.handed_on(settings, config.variables())
    started = processes.start(("_up",), log, environ)
    give_up = time.monotonic() + _STARTED_S
    while (state := place.read_state(here)) is None or state.process != started:
        if not processes.is_alive(started) or time.monotonic() > give_up:
            how = processes.in_words(processes.reap(started))
            raise RqAgentError(
                f"the supervisor {how} at its start; {log} says:\n{logs.since(log, begin)}"
            )
        time.sleep(_LOOK_EVERY_S)


def _stay(settings: Settings, here: Place, wanted: Wanted, screen: Screen) -> int:
    """Be the supervisor here, then end the server if nobody needs it."""
    log_to_stderr(verbose=settings.verbose)
    invites = _is_seen(screen)

    def tell() -> None:
        found = told(settings, here, wanted, changed=True, invites=invites)
        if not _is_seen(screen):
            found = msgspec.structs.replace(found, login="")
        report.show(screen, found)

    supervise(settings, ready=tell)
    if not settings.url and stop_if_unused(settings.home.data):
        screen.say("stopped the embedded server: nobody uses it any more")
    return 0


def _is_seen(screen: Screen) -> bool:
    """Return whether a person or a program reads: what goes to a log file may be kept."""
    return screen.json or sys.stdout.isatty()
