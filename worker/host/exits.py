"""Ends of the whole process: a task's `os._exit`, its forks, and the host's own end."""

from __future__ import annotations

import os
import sys
import threading

from .call import CURRENT
from .lines import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reports import Reports
    from .router import Outputs
    from .running import Running

_exit = os._exit
_LONGEST_END_S = 5.0


def watch(running: Running, reports: Reports, outputs: Outputs) -> None:
    """Say who calls `os._exit` before it happens; let forked children be processes of their own."""
    pid = os.getpid()

    def exit_(status: int) -> None:
        call = CURRENT.get()
        if call is not None and os.getpid() == pid and isinstance(status, int):
            for stream in (call.out, call.err):
                if stream is not None:
                    stream.close()
            running.flush()
            reports.say(line("exits", call.key, status & 0xFF))
        _exit(status)

    def become_a_child() -> None:
        reports.fall_silent()
        outputs.is_off = True
        running.is_forked = True

    os._exit = exit_  # type: ignore[assignment]
    os.register_at_fork(after_in_child=become_a_child)


def leave_fork(code: int, text: str = "") -> None:
    """End a child that a task has forked, and that has come back into its parent's loop.

    At once: to tidy up the loop would take the parent's files out of what both wait for.
    """
    sys.stderr.write(text)
    _exit(code)


def leave() -> None:
    """End the host; threads that a task left behind may keep it for 5 s."""
    last = threading.Timer(_LONGEST_END_S, _exit, (0,))
    last.daemon = True
    last.start()
    sys.exit(0)
