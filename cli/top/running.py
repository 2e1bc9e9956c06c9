"""Starts `top` on a terminal, where textual is installed."""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING

from ...broker.errors import RqAgentError, UsageError
from .. import exits, loop
from ..broker_url import reading_url
from ..connected import connected_twice
from ..news import BLOCK_S
from ..reading import NOTHING_YET

if TYPE_CHECKING:
    from ..config import Settings
    from ..render.screen import Screen


def run(settings: "Settings", screen: "Screen") -> int:
    """Show the view until it is left; return the exit code.

    Raises:
        RqAgentError: textual is not installed.
        UsageError: there is no terminal.
    """
    if importlib.util.find_spec("textual") is None:
        raise RqAgentError(
            "top needs textual: pip install 'rq-agent[tui]'; rq-agent ps --watch needs none"
        )
    if screen.json or not (sys.stdin.isatty() and screen.is_live(sys.stdout)):
        raise UsageError("top needs a terminal; for scripts:  rq-agent events -f --json")
    if (url := reading_url(settings)) is None:
        screen.say(NOTHING_YET + "; begin with:  rq-agent run script.py")
        return exits.OK
    if not settings.color:
        os.environ["NO_COLOR"] = "1"
    from .app import Top

    async def go() -> None:
        async with connected_twice(url, settings.namespace, block_s=BLOCK_S) as both:
            await Top(*both, settings).run_async()

    loop.run(go)
    return exits.OK
