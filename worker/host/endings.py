"""How what a coroutine raised becomes the end of its call. Pure."""

from __future__ import annotations

import importlib
import os
import traceback

from . import calling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_HIDDEN = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    "<frozen importlib",
    importlib.__file__,
)
_MOST_REASON = 200
_INTERRUPTED_EXIT = 130  # 128 + SIGINT, as a shell shows it
_OWN = (calling.BadTarget, calling.WrongArguments, calling.NotEncodable)
"""Our own words to the user: no traceback says more."""


def exit_of(error: BaseException) -> tuple[int, str]:
    """Return the exit code and what stands on stderr, as Python would end with this exception."""
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0, ""
        if isinstance(error.code, int):
            return error.code & 0xFF, ""
        return 1, f"{error.code}\n"
    code = _INTERRUPTED_EXIT if isinstance(error, KeyboardInterrupt) else 1
    if isinstance(error, _OWN):
        return code, f"rq-agent: error: {error}\n"
    return code, traceback_of(error)


def reason_of(error: BaseException) -> str:
    """Return what a list of tasks shows of an exception: `ValueError: bad`."""
    if isinstance(error, SystemExit):
        return f"exit {exit_of(error)[0]}"
    if isinstance(error, _OWN):
        return shortened(str(error))
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    if name == "asyncio.exceptions.CancelledError":  # asyncio itself is not loaded everywhere
        name = "CancelledError"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  any code of the user may stand behind str
        text = "<its text can't be made>"
    return shortened(f"{name}: {text}" if text else name)


def shortened(text: str) -> str:
    """At most 200 characters of the first line."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _MOST_REASON else line[: _MOST_REASON - 1] + "…"


def traceback_of(error: BaseException) -> str:
    """Return the traceback that Python would print, without our frames."""
    _hide_own_frames(error)
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception as e:  # noqa: BLE001  the same
        return f"{type(error).__name__} (its traceback can't be made: {type(e).__name__})\n"


def _hide_own_frames(error: BaseException) -> None:
    """Strip an exception and all that it is chained to or groups."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _stripped(one.__traceback__)
        waiting += [one.__cause__, one.__context__]
        parts = getattr(one, "exceptions", ())
        if isinstance(parts, tuple):
            waiting += [part for part in parts if isinstance(part, BaseException)]


def _stripped(tb: TracebackType | None) -> TracebackType | None:
    entries = []
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if not name.startswith(_HIDDEN):
            entries.append(tb)
        tb = tb.tb_next
    kept: TracebackType | None = None
    for entry in reversed(entries):
        entry.tb_next = kept
        kept = entry
    return kept
