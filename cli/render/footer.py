"""The last lines of a command: what a person may want to do next."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .screen import Screen

MOST: Final = 4
"""More commands than this are no help."""


def footer(screen: "Screen", lines: Sequence[str]) -> None:
    """Name the next useful commands on stderr, each ready to be copied.

    The one rule: only for a person who looks, so when stderr is a terminal and nobody asked for
    JSON. What must be known also in a log belongs to `screen.say`.

    Args:
        screen: of the command.
        lines: commands without `rq-agent`, the most useful first: `logs -f 01JD...`.
    """
    if screen.json or not sys.stderr.isatty():
        return
    sys.stdout.flush()  # a table of stdout stands above it, also where both are one terminal
    for line in lines[:MOST]:
        screen.say(f"  rq-agent {line}")
