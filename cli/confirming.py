"""Asking before something is done that can't be undone."""

import sys

from ..broker.errors import UsageError
from .render.screen import Screen


def is_wanted(screen: Screen, question: str, *, is_sure: bool) -> bool:
    """Return whether a person wants it.

    Args:
        screen: to ask on.
        question: without a question mark.
        is_sure: it was said with --yes.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if is_sure:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question}: say --yes; nobody is there to be asked")
    screen.say(f"{question}? [y/N]")
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    screen.say("nothing was changed")
    return False
