"""Starts a host of the kind that the command line says."""

from __future__ import annotations

import os
import sys

_FOLDER = os.path.dirname(__file__)
_USAGE_EXIT = 2


def start() -> None:
    """Leave no trace of ours but the private package, then serve until the worker says `end`."""
    _leave_the_path()
    if len(sys.argv) < 3 or sys.argv[2] not in ("coroutine", "process"):
        sys.stderr.write("rq-agent: a host needs its folder, and coroutine or process\n")
        raise SystemExit(_USAGE_EXIT)
    folder, kind = os.path.abspath(sys.argv[1]), sys.argv[2]
    sys.argv[:] = ["rq-agent-host", *sys.argv[3:]]
    if kind == "process":
        from .forks import serve  # neither kind loads what only the other needs
    else:
        from .coroutines import serve
    serve(folder)


def _leave_the_path() -> None:
    """Take our folder off sys.path: a user's `program.py` or `call.py` must stay theirs."""
    if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.realpath(_FOLDER):
        del sys.path[0]
