"""Questions to a person: the words go to stderr, an empty answer is the one in brackets."""

import getpass
import sys
from collections.abc import Callable

from ..broker.errors import UsageError
from .render.screen import Screen


def ask(
    screen: Screen, question: str, usual: str, check: Callable[[str], object] = lambda text: None
) -> str:
    """Return an answer; ask again until it is acceptable.

    Args:
        screen: to ask on.
        question: without a question mark.
        usual: what an empty answer means.
        check: raises UsageError for what is not acceptable.
    """
    while True:
        print(f"{question} [{usual}]: " if usual else f"{question}: ", end="", file=sys.stderr)
        answer = _line() or usual
        try:
            check(answer)
        except UsageError as e:
            screen.say(f"  {e}")
            continue
        return answer


def ask_secret(question: str) -> str:
    """Return an answer that is not shown while it is typed."""
    return getpass.getpass(f"{question}: ", stream=sys.stderr)


def agrees(question: str, *, usual: bool) -> bool:
    """Return whether a person says yes."""
    print(f"{question}? [{'Y/n' if usual else 'y/N'}] ", end="", file=sys.stderr)
    answer = _line().lower()
    return usual if not answer else answer in ("y", "yes")


def _line() -> str:
    """Return a line from the terminal.

    Raises:
        UsageError: there will be no more.
    """
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the answers ended early: nothing was written")
    return line.strip()
