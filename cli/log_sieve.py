"""Lets through what is wanted of a log: streams, a time, lines that match. Pure."""

import re
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker.errors import UsageError

if TYPE_CHECKING:
    from ..broker.logs import LogEntry

_LONGEST: Final = 256 * 1024
"""A longer line is matched in pieces."""
_COLOUR: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted; what is not set lets all pass."""

    streams: Collection[str] = ()
    since_s: float | None = None
    """Unix s."""
    until_s: float | None = None
    """Unix s."""
    pattern: re.Pattern[str] | None = None
    """Of lines, without their end and without colours."""

    def accepts(self, entry: "LogEntry") -> bool:
        """Return whether an entry is of a wanted stream and time."""
        return (
            bool(entry.data or entry.dropped_bytes)
            and (not self.streams or entry.stream in self.streams)
            and (self.since_s is None or entry.at >= self.since_s)
            and (self.until_s is None or entry.at <= self.until_s)
        )


class Sieve:
    """Takes entries as they come, gives what is wanted of them, whole lines where lines matter."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._held: dict[str, LogEntry] = {}

    def feed(self, entry: "LogEntry") -> "Sequence[LogEntry]":
        """Return what is wanted up to this entry."""
        if not self._choice.accepts(entry):
            return ()
        if self._choice.pattern is None:
            return (entry,)
        return self._matching(entry)

    def rest(self) -> "Sequence[LogEntry]":
        """Return what is wanted of last lines without an end."""
        held = list(self._held.values())
        self._held.clear()
        return [entry for entry in held if self._matches(entry.data)]

    def _matching(self, entry: "LogEntry") -> "list[LogEntry]":
        held = self._held.pop(entry.stream, None)
        data = (held.data if held else b"") + entry.data
        *whole, rest = data.split(b"\n")
        lines = [line + b"\n" for line in whole]
        if len(rest) >= _LONGEST:
            lines.append(rest)
        elif rest:
            self._held[entry.stream] = msgspec.structs.replace(entry, data=rest, dropped_bytes=0)
        kept = b"".join(line for line in lines if self._matches(line))
        if not kept and not entry.dropped_bytes:
            return []
        return [msgspec.structs.replace(entry, data=kept)]

    def _matches(self, line: bytes) -> bool:
        pattern = self._choice.pattern
        text = _COLOUR.sub("", line.decode("utf-8", "replace").rstrip("\r\n"))
        return pattern is None or pattern.search(text) is not None


def compiled(text: str, *, ignores_case: bool) -> re.Pattern[str]:
    """Return the regular expression that a person wrote; raise UsageError if it is none."""
    try:
        with warnings.catch_warnings():  # of what another Python may read in another way
            warnings.simplefilter("ignore")
            return re.compile(text, re.IGNORECASE if ignores_case else 0)
    except (re.error, RecursionError, OverflowError) as e:
        raise UsageError(f"--grep {text}: not a regular expression: {e}") from e
