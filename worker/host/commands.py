"""The lines that a worker says to a host. Pure."""

from __future__ import annotations

import json

from .call import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_SHOWN = 200
_LONGEST_S = 1e9
CAUSES = {"cancelled": "cancelled", "released": "released", "timed out": "timed_out"}
"""Cause of a cancel -> outcome."""


class BadCommand(ValueError):
    """A line that is no command; the text is for the log of the host."""


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
    """Return the call that one entry of `start` describes; raises BadCommand."""
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
        raise BadCommand(f"start: not a call: {str(entry)[:_MOST_SHOWN]}")
    return call


def stop_of(rest: list[Any]) -> tuple[str, float, str]:
    """Return (key, grace in s, cause) of `cancel`; raises BadCommand."""
    try:
        key, grace_s, cause = rest
        if isinstance(key, str) and 0 <= grace_s <= _LONGEST_S and cause in CAUSES:
            return key, float(grace_s), cause
    except (ValueError, TypeError):
        pass
    raise BadCommand(f"cancel: {str(rest)[:_MOST_SHOWN]}")


def lag_of(rest: list[Any], default_s: float) -> float:
    """Return after how many seconds `hello` wants a loop to be called blocked."""
    options = rest[0] if rest and isinstance(rest[0], dict) else {}
    lag_s = options.get("lag_s", default_s)
    is_fine = isinstance(lag_s, (int, float)) and 0 < lag_s <= _LONGEST_S
    return float(lag_s) if is_fine else default_s


def number_of(rest: list[Any]) -> int:
    """Return the number of `read`; raises BadCommand."""
    if len(rest) == 1 and type(rest[0]) is int:
        return rest[0]
    raise BadCommand(f"read: {str(rest)[:_MOST_SHOWN]}")
