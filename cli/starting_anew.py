"""Replaces this process by a new one of the same program and arguments."""

import os
import signal
import sys
from typing import NoReturn


def start(*more: str) -> NoReturn:
    """Start this program again, in this process: its id stays, and systemd sees no end.

    What was installed meanwhile is loaded, since the interpreter begins anew. `more` arguments
    come behind those of this time.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # One that comes too early waits; the worker lets it through when it can heed it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], *more])
