"""Replaces this process by a new one of the same program and arguments."""

import os
import sys
from typing import NoReturn


def start() -> NoReturn:
    """Start this program again, in this process: its id stays, and systemd sees no end.

    What was installed meanwhile is loaded, since the interpreter begins anew.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
