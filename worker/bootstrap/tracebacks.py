"""Tracebacks as a bare `python SCRIPT` prints them: without the frames of this package."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def hide_own_frames() -> None:
    """Let the interpreter report the exception on its way out, with only the user's frames.

    The interpreter keeps its own rules (exit codes, death by SIGINT, the user's excepthook).
    """
    users_hook = sys.excepthook

    def once(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
        sys.excepthook = users_hook
        _clean(error)
        sys.last_traceback = error.__traceback__
        users_hook(kind, error, error.__traceback__)

    sys.excepthook = once


def _clean(error: BaseException) -> None:
    """Strip an exception and all that it is chained to or groups."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = strip(one.__traceback__)
        waiting += [one.__cause__, one.__context__]
        if hasattr(one, "exceptions") and isinstance(one.exceptions, tuple):
            waiting += [part for part in one.exceptions if isinstance(part, BaseException)]


def strip(tb: TracebackType | None) -> TracebackType | None:
    """The same traceback without our frames."""
    entries = []
    while tb is not None:
        if not tb.tb_frame.f_code.co_filename.startswith(_FOLDER):
            entries.append(tb)
        tb = tb.tb_next
    kept: TracebackType | None = None
    for entry in reversed(entries):
        entry.tb_next = kept
        kept = entry
    return kept
