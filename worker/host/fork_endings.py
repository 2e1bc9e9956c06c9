"""How the end of a child becomes the end of its call. Pure."""

from __future__ import annotations

import json
import os

from .commands import CAUSES

_SIGNALLED = 128
_MOST_CODE = 255


def ending_of(
    status: int, left: bytes, *, cause: str, timeout_s: float
) -> tuple[str, int | None, str, str | None]:
    """Return outcome, exit code, reason, result.

    Args:
        status: as `os.waitpid` gives it.
        left: what the child wrote of its end; empty if it came to another one.
        cause: why it was told to stop, while it had not ended; empty if it was not.
        timeout_s: its time, for the reason.
    """
    if cause:  # whatever it made of that: as programs, and coroutines
        return CAUSES[cause], _code(status), _why(cause, timeout_s), None
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "failed", _SIGNALLED + number, f"signal {number}", None
    said = _said(left)
    if said is None:
        code = os.WEXITSTATUS(status)
        if code:
            return "failed", code, f"exit {code}", None
        return "failed", None, "it ended its process before it returned", None
    code, reason, result = said
    if code:
        return "failed", code, reason, None
    return "succeeded", 0, "", result


def _said(left: bytes) -> tuple[int, str, str] | None:
    """What the child says of its end, if it is whole: the user's code could write there too."""
    first, newline, result = left.partition(b"\n")
    try:
        code, reason = json.loads(first)
        text = result.decode()
    except (ValueError, TypeError, RecursionError):
        return None
    is_fine = type(code) is int and 0 <= code <= _MOST_CODE and type(reason) is str
    return (code, reason, text) if newline and is_fine else None


def _code(status: int) -> int:
    if os.WIFSIGNALED(status):
        return _SIGNALLED + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _why(cause: str, timeout_s: float) -> str:
    return f"timed out after {timeout_s:g} s" if cause == "timed out" and timeout_s else cause
