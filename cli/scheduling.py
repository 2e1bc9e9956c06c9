"""Runs a scheduler as it was asked for."""

import sys
from functools import partial

import anyio

from ..broker.archive.location import open_store
from ..broker.trust import TrustFile
from ..scheduler.config import SchedulerConfig
from ..scheduler.run import schedule
from . import identity
from .broker_url import working_url
from .config import Settings
from .render.screen import Screen
from .stderr_log import log_to_stderr


def run(settings: Settings, screen: Screen, *, archive: str) -> None:
    """Run one scheduler until it is told to stop."""
    config = SchedulerConfig(archive=archive or settings.archive)
    if archive:
        open_store(archive)  # what names no store is refused before a server is started
    log_to_stderr(verbose=settings.verbose)
    url = working_url(settings, report=screen.say)
    where = f", archive {config.archive}" if config.archive else ""
    step = partial(
        schedule,
        config,
        url=url,
        namespace=settings.namespace,
        pair=identity.own_key(settings.home),
        trust=TrustFile(settings.home.config / "trust.json"),
        ready=lambda: screen.say(f"scheduler: namespace {settings.namespace}{where}: ready"),
        warn=screen.warn,
    )
    anyio.run(step, backend_options={"use_uvloop": sys.platform != "win32"})
    screen.say("scheduler: stopped")
