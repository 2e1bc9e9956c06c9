"""The lines that a worker says to a host. Pure."""

from __future__ import annotations

import json

from .call import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_SHOWN = 200
_LONGEST_S = 1e9
_LONGEST_KEY = 128
"""Characters; a worker would take an answer about a longer one for nonsense."""
CAUSES = {"cancelled": "cancelled", "released": "released", "timed out": "timed_out"}
"""Cause of a cancel -> outcome."""


class BadCommand(ValueError):
    """A line that is no command; the text is for the log of the host."""


class BadCall(BadCommand):
    """An entry of `start` that can't be read, but answered; the text is for its end."""

    def __init__(self, call: Call, what: str) -> None:
        super().__init__(f"the host can't read the call: {what}")
        self.call = call
        """Has a key and a note only."""


def parse(line: bytes) -> tuple[str, list[Any]]:
    """Return the name of a command and what follows it; raises BadCommand."""
    try:
        command = json.loads(line)
        name, *rest = command
    except (ValueError, TypeError, RecursionError) as e:
        raise BadCommand(f"not understood ({e}): {line[:_MOST_SHOWN]!r}") from None
    if not isinstance(command, list) or not isinstance(name, str):
        raise BadCommand(f"not understood: {line[:_MOST_SHOWN]!r}")
    return name, rest


def entries_of(rest: list[Any]) -> list[Any]:
    """Return the entries of `start`; raises BadCommand."""
    if len(rest) == 1 and isinstance(rest[0], list):
        return rest[0]
    raise BadCommand(f"start: {str(rest)[:_MOST_SHOWN]}")


def call_of(entry: Any) -> Call:
    """Return the call that one entry of `start` describes; raises BadCall, or BadCommand."""
    try:
        key, target, arguments, timeout_s, grace_s, note, log = entry
        call = Call(key, target, arguments, timeout_s, grace_s, note, log)
        args, kwargs = arguments
        is_fine = (
            type(key) is type(target) is type(note) is str
            and type(args) is list
            and type(kwargs) is dict
            and 0 <= timeout_s <= _LONGEST_S
            and 0 <= grace_s <= _LONGEST_S
        )
    except (ValueError, TypeError):
        is_fine = False
    if not is_fine:
        raise _not_a_call(entry)
    return call


def _not_a_call(entry: Any) -> BadCommand:
    """What to raise: somebody waits for the end of what has a key."""
    # Not its values: what is passed to a function may be secret, and ends are seen by many.
    parts = entry if isinstance(entry, list) else [entry]
    shown = ", ".join(type(part).__name__ for part in parts)[:_MOST_SHOWN]
    key = entry[0] if isinstance(entry, list) and entry else None
    if type(key) is not str or not 0 < len(key) <= _LONGEST_KEY:
        return BadCommand(f"start: not a call: {shown}")
    note = entry[5] if len(entry) > 5 and type(entry[5]) is str else ""
    return BadCall(Call(key, "", None, 0.0, 0.0, note, False), shown)


def stop_of(rest: list[Any]) -> tuple[str, float, str]:
    """Return (key, grace in s, cause) of `cancel`; raises BadCommand."""
    try:
        key, grace_s, cause = rest
        if isinstance(key, str) and 0 <= grace_s <= _LONGEST_S and cause in CAUSES:
            return key, float(grace_s), cause
    except (ValueError, TypeError):
        pass
    raise BadCommand(f"cancel: {str(rest)[:_MOST_SHOWN]}")


def seconds_of(rest: list[Any], name: str, default_s: float) -> float:
    """Return an option of `hello`, in seconds."""
    options = rest[0] if rest and isinstance(rest[0], dict) else {}
    seconds = options.get(name, default_s)
    is_fine = isinstance(seconds, (int, float)) and 0 < seconds <= _LONGEST_S
    return float(seconds) if is_fine else default_s


def number_of(rest: list[Any]) -> int:
    """Return the number of `read`; raises BadCommand."""
    if len(rest) == 1 and type(rest[0]) is int:
        return rest[0]
    raise BadCommand(f"read: {str(rest)[:_MOST_SHOWN]}")
