"""Waits for the server to answer, or to end."""

import time
from collections.abc import Callable
from typing import Final

from ..errors import AccessDenied, BrokerUnavailable
from . import probe, spawn
from .endpoint import Endpoint, how_to_end
from .layout import Layout
from .lock import is_held
from .probe import Answer

ANSWER_S: Final = 15.0
SILENT_S: Final = 1.0
"""Loading is told about when it takes longer than this."""
LOADING_S: Final = 900.0
"""A large append-only file takes a while: about a minute for 10 GB."""
_FIRST_PAUSE_S: Final = 0.002
_LONGEST_PAUSE_S: Final = 0.1


def until_ready(layout: Layout, server: Endpoint, *, report: Callable[[str], None]) -> bool:
    """Return True when the server answers, False when it has ended.

    Raises:
        BrokerUnavailable: it lives and does not answer.
    """
    begin = time.monotonic()
    pause_s, limit_s = _FIRST_PAUSE_S, ANSWER_S
    while (answer := ask(layout, server)) is not Answer.READY:
        if not is_held(layout.server_lock):
            spawn.reap()
            return False
        waited_s = time.monotonic() - begin
        if answer is Answer.LOADING and limit_s < LOADING_S and waited_s > SILENT_S:
            report("the embedded server is loading its data")
            limit_s = LOADING_S
        if waited_s > limit_s:
            raise BrokerUnavailable(no_answer(layout, server, limit_s))
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    return True


def until_ended(layout: Layout, *, timeout_s: float) -> bool:
    """Return whether the server's process was gone within timeout_s."""
    give_up = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while is_held(layout.server_lock):
        if time.monotonic() > give_up:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    spawn.reap()
    return True


def log_tail(layout: Layout, *, line_count: int = 4) -> str:
    """Return the last lines of the server's log, in one line."""
    try:
        lines = layout.log.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    return " / ".join(line.strip() for line in lines[-line_count:] if line.strip())


def no_answer(layout: Layout, server: Endpoint, waited_s: float) -> str:
    """Return what to tell about a server that lives but does not answer."""
    return (
        f"the embedded server has not answered on {server.socket} for {waited_s:.0f} s: "
        f"see {layout.log}; {how_to_end(layout)}"
    )


def ask(layout: Layout, server: Endpoint) -> Answer:
    """Return whether a server answers; like probe.ask, but its error says what to do."""
    try:
        return probe.ask(server)
    except AccessDenied as e:
        raise AccessDenied(
            f"the embedded server refuses the password in {layout.password}: that file, or "
            f"{layout.users}, was changed while it ran; {how_to_end(layout)}, and its next start "
            "makes the two agree"
        ) from e
