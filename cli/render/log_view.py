"""Writes a task's log: byte for byte, unless a person looks at it or asks for times."""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from .escapes import EscapeFilter
from .follow_view import dropped
from .screen import Screen
from .times import stamp

if TYPE_CHECKING:
    from ...broker.errors import BrokerUnavailable
    from ...broker.logs import LogEntry
    from ...broker.record import Record

SCRIPT: Final = ("out", "err")


class LogView:
    """The log of one task on stdout; what the worker said about it, and holes, on stderr."""

    def __init__(
        self, screen: Screen, *, streams: Collection[str], with_times: bool, is_raw: bool
    ) -> None:
        """Args.

        screen: to write to.
        streams: which go to stdout; empty: out and err, and the worker's words to stderr.
        with_times: begin each line with the moment when Redis got it.
        is_raw: leave control sequences as they are, also on a terminal.
        """
        self._screen = screen
        self._streams = streams
        self._with_times = with_times
        self._filters = (
            {name: EscapeFilter() for name in (*SCRIPT, "sys")}
            if sys.stdout.isatty() and not is_raw
            else {}
        )
        self._worker: str | None = None
        self._is_line_start = True

    def wants(self, entry: "LogEntry") -> bool:
        """Return whether an entry is to be shown."""
        return not self._streams or entry.stream in self._streams

    def state(self, record: "Record") -> None:
        """Remember who has the whole log."""
        self._worker = record.worker

    def output(self, entry: "LogEntry") -> None:
        """Write one entry."""
        if not self.wants(entry):
            return
        if entry.dropped_bytes:
            self._screen.say(dropped(entry.dropped_bytes, self._worker))
        if self._screen.json:
            self._screen.print_json_line(_json(entry))
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
        self._screen.say(f"[attempt {record.attempt}, claim {record.fence}]")

    def away(self, error: "BrokerUnavailable") -> None:
        """Say that we wait."""
        self._screen.say(f"{error}; waiting for Redis")

    def back(self) -> None:
        """Say that we go on."""
        self._screen.say("Redis is back")

    def close(self) -> None:
        """Write what a filter held back."""
        for held in self._filters.values():
            _write(sys.stdout.buffer, held.rest())

    def _timed(self, data: bytes, at_s: float) -> bytes:
        """Return the data with the time in front of every line that begins in it."""
        prefix = stamp(at_s).encode("ascii") + b" "
        lines = data.splitlines(keepends=True)
        timed = [prefix + line for line in lines]
        if lines and not self._is_line_start:
            timed[0] = lines[0]
        if lines:
            self._is_line_start = lines[-1].endswith((b"\n", b"\r"))
        return b"".join(timed)


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


def _json(entry: "LogEntry") -> dict[str, object]:
    return {
        "schema": 1,
        "stream": entry.stream,
        "offset": entry.offset,
        "at": entry.at,
        "dropped_bytes": entry.dropped_bytes,
        "text": entry.data.decode("utf-8", "backslashreplace"),
    }
