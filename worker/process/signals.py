"""Signals for processes that are forked all the time: as the system has them, without enums.

The functions of `signal` turn every number into a member of an enum. In a forked process that
touches, and so copies, dozens of pages that nothing else needs.
"""

import signal
from collections.abc import Callable, Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _bare(function: "Callable[..., Any]") -> "Callable[..., Any]":
    bare: Callable[..., Any] = getattr(function, "__wrapped__", function)
    return bare


_mask, _set = _bare(signal.pthread_sigmask), _bare(signal.signal)
_BLOCK, _UNBLOCK = int(signal.SIG_BLOCK), int(signal.SIG_UNBLOCK)
_DEFAULT, _IGNORE = int(signal.SIG_DFL), int(signal.SIG_IGN)

TERM, CHLD = int(signal.SIGTERM), int(signal.SIGCHLD)
IGNORED = (int(signal.SIGINT), int(signal.SIGHUP))
"""By the shim: they are meant for people's own programs."""
HELD_BACK = (TERM, CHLD, *IGNORED)
"""While a process is between fork and what it is to become. Few: each costs on the way."""


def hold_back() -> None:
    """Let signals wait."""
    _mask(_BLOCK, HELD_BACK)


def let_through() -> None:
    """Take the signals that waited, and those to come."""
    _mask(_UNBLOCK, HELD_BACK)


def handle(number: int, handler: Callable[[int, object], None]) -> None:
    """Call a function when a signal comes."""
    _set(number, handler)


def ignore(numbers: Iterable[int]) -> None:
    """Let signals have no effect."""
    for number in numbers:
        _set(number, _IGNORE)


def reset(numbers: Iterable[int]) -> None:
    """Give signals the effect that they have in a new process."""
    for number in numbers:
        _set(number, _DEFAULT)
