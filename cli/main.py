"""`rq-agent`: the program. Commands import what they need when they run, so that each starts fast."""

import os
import sys
from collections.abc import Sequence

from .app import build
from .reporting import PROGRAM, report, usage_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = build()(given, prog_name=PROGRAM, standalone_mode=False)
    except Exception as error:
        told = usage_error(error)
        if told is None and (told := report(error, verbose=False)) is None:
            raise
        return told
    return code if isinstance(code, int) else 0


def _open_what_is_closed() -> None:
    """Open all three streams: a file that is opened later would be taken for a closed one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8"))
