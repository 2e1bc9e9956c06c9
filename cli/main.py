"""`rq-agent`: the program. Commands import what they need when they run, so that each starts fast."""

import sys
from collections.abc import Sequence

from .app import build
from .reporting import PROGRAM, usage_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = build()(given, prog_name=PROGRAM, standalone_mode=False)
    except Exception as error:
        if (usage := usage_error(error)) is None:
            raise
        return usage
    return code if isinstance(code, int) else 0
