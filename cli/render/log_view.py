"""Writes a task's log: byte for byte, unless a person looks at it or asks for times."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from ..log_sieve import Choice, Sieve
from . import words
from .escapes import EscapeFilter
from .follow_view import dropped
from .screen import Screen
from .times import stamp

if TYPE_CHECKING:
    from ...broker.logs import LogEntry
    from ...broker.record import Record

SCRIPT: Final = ("out", "err")


class LogView:
    """The log of one task on stdout; what the worker said about it, and holes, on stderr."""

    def __init__(
        self, screen: Screen, *, choice: Choice, with_times: bool = False, is_raw: bool = False
    ) -> None:
        """Args.

        screen: to write to.
        choice: what of it; without streams out and err go to stdout, the worker's words to stderr.
        with_times: begin each line with the moment when Redis got it.
        is_raw: leave control sequences as they are, also on a terminal.
        """
        self._screen = screen
        self._streams = choice.streams
        self._sieve = Sieve(choice)
        self._with_times = with_times
        self._filters = (
            {name: EscapeFilter() for name in (*SCRIPT, "sys")}
            if sys.stdout.isatty() and not is_raw
            else {}
        )
        self._record: Record | None = None
        self._fence = 0
        self._is_line_start = True
        self._ended_in_return = False

    def state(self, record: "Record") -> None:
        """Remember whose log it is, and who has the whole of it."""
        self._record, self._fence = record, record.fence

    def say_state(self, record: "Record") -> None:
        """Say why there is no output yet."""
        place = f", position {record.position} in {record.queue}" if record.position else ""
        self._screen.say(f"[{words.state(record)}{place}; waiting for its output]")

    def say_nothing(self, record: "Record") -> None:
        """Say that there is no output, and why."""
        why = "it never ran" if record.is_final else "it has not run yet"
        self._screen.say(f"[{words.state(record)}: {why}]")

    def sift(self, entry: "LogEntry") -> "Sequence[LogEntry]":
        """Return what is wanted up to an entry; write() shows it."""
        return self._sieve.feed(entry)

    def output(self, entry: "LogEntry") -> None:
        """Show what is wanted up to an entry."""
        for wanted in self._sieve.feed(entry):
            self.write(wanted)

    def write(self, entry: "LogEntry") -> None:
        """Show one entry as it is."""
        if entry.dropped_bytes:
            self._screen.say(
                dropped(entry.dropped_bytes, self._record.worker if self._record else None)
            )
        if self._screen.json:
            self._screen.print_json_line(self._json(entry))
            return
        data = entry.data
        if entry.stream in self._filters:
            data = self._filters[entry.stream].feed(data)
        if self._with_times:
            data = self._timed(data, entry.at)
        to_stderr = not self._streams and entry.stream not in SCRIPT
        _write(sys.stderr.buffer if to_stderr else sys.stdout.buffer, data)

    def attempt(self, record: "Record") -> None:
        """Say that another attempt's log follows."""
        self.flush()
        self._screen.say(f"[attempt {record.attempt}, claim {record.fence}]")

    def claim(self, fence: int) -> None:
        """Say that the log of another one of the task's claims follows."""
        self.flush()
        self._fence = fence
        self._screen.say(f"[claim {fence}]")

    def away(self, words: str) -> None:
        """Say that we wait."""
        self._screen.say(words)

    def back(self, words: str) -> None:
        """Say that we go on."""
        self._screen.say(words)

    def rest(self) -> "Sequence[LogEntry]":
        """Return what is wanted of last lines that have no end."""
        return self._sieve.rest()

    def flush(self) -> None:
        """Show last lines that have no end."""
        for entry in self._sieve.rest():
            self.write(entry)

    def close(self) -> None:
        """Write what was held back."""
        self.flush()
        for held in self._filters.values():
            _write(sys.stdout.buffer, held.rest())

    def _timed(self, data: bytes, at_s: float) -> bytes:
        """Return the data with the time in front of every line that begins in it."""
        prefix = stamp(at_s).encode("ascii") + b" "
        lines = data.splitlines(keepends=True)
        timed = [prefix + line for line in lines]
        is_second_half = self._ended_in_return and data.startswith(b"\n")  # of a Windows line end
        if lines and (not self._is_line_start or is_second_half):
            timed[0] = lines[0]
        if lines:
            self._is_line_start = lines[-1].endswith((b"\n", b"\r"))
            self._ended_in_return = lines[-1].endswith(b"\r")
        return b"".join(timed)

    def _json(self, entry: "LogEntry") -> dict[str, object]:
        return {
            "schema": 1,
            "task": self._record.id if self._record else "",
            "claim": self._fence,
            "stream": entry.stream,
            "offset": entry.offset,
            "at": entry.at,
            "dropped_bytes": entry.dropped_bytes,
            "text": entry.data.decode("utf-8", "backslashreplace"),
        }


def last_lines(entries: "Sequence[LogEntry]", count: int) -> "list[LogEntry]":
    """Return the entries that hold the last lines, the first one cut to where they begin. Pure."""
    import msgspec

    kept: list[LogEntry] = []
    missing = count
    for entry in reversed(entries):
        if missing <= 0:
            break
        data = entry.data
        body = data[:-1] if not kept and data.endswith(b"\n") else data
        breaks = body.count(b"\n")
        if breaks < missing:
            kept.append(entry)
            missing -= breaks
            continue
        start = len(body)
        for _ in range(missing):
            start = body.rfind(b"\n", 0, start)
        if cut := data[start + 1 :]:
            kept.append(msgspec.structs.replace(entry, data=cut, dropped_bytes=0))
        break
    return kept[::-1] if count > 0 else []


def _write(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()
