"""Shows a followed task: phases and our own words on stderr, the script's output as it is."""

import sys
import time
from typing import TYPE_CHECKING, BinaryIO, Final

from . import words
from .screen import Screen, printable
from .times import length, size

if TYPE_CHECKING:
    from rich.status import Status

    from ...broker.logs import LogEntry
    from ...broker.record import Record
_CLAIMED: Final = "claimed"
"""No phase: a worker has it, and has not told yet what it does; that may take a second."""
_BEFORE_RUNNING: Final = (_CLAIMED, "snapshot", "environment", "starting")
"""An older look at the task may still say so after its first output."""


class FollowView:
    """One line for each phase that has passed; a spinner for the present one on a terminal."""

    def __init__(self, screen: Screen, *, out: BinaryIO, err: BinaryIO) -> None:
        self._screen = screen
        self._streams = {"out": out, "err": err}
        self._err = err
        self._is_live = screen.is_live(sys.stderr)
        self._status: Status | None = None
        self._phase = ""
        self._since_s = time.monotonic()
        self._worker: str | None = None

    def state(self, record: "Record") -> None:
        """Show the phase when it is another one than before."""
        self._worker = record.worker
        phase = _phase(record)
        if phase == self._phase or (self._phase == "running" and phase in _BEFORE_RUNNING):
            if self._status is not None:
                self._status.update(_words(record))
            return
        self._leave_phase()
        self._phase, self._since_s = phase, time.monotonic()
        if record.is_final:
            return
        words_of_phase = _words(record)
        if self._is_live and phase != "running":
            self._status = self._screen.console(sys.stderr).status(words_of_phase)
            self._status.start()
        else:
            self._line(words_of_phase)

    def output(self, entry: "LogEntry") -> None:
        """Write output to the stream that it was written to; ours to stderr."""
        if entry.stream not in self._streams:
            self._said(entry)
            return
        if self._phase != "running":  # output tells it sooner than the next look at the task
            self._leave_phase()
            self._phase = "running"
            self._line(_at("running", self._worker))
        if entry.dropped_bytes:
            self._screen.say(dropped(entry.dropped_bytes, self._worker))
        stream = self._streams[entry.stream]
        stream.write(entry.data)
        stream.flush()

    def attempt(self, record: "Record") -> None:
        """Say why there is another attempt."""
        self._pause()
        self._phase = ""
        what = f"attempt {record.attempt}" if record.attempt > 1 else "runs again"
        why = f"it lost its worker ({record.lost}x); " if record.lost else ""
        self._screen.say(f"{why}{what}")

    def away(self, words: str) -> None:
        """Say that we wait."""
        self._pause()
        self._screen.say(f"{words}; the task goes on")

    def back(self, words: str) -> None:
        """Say that we go on."""
        self._screen.say(words)

    def close(self) -> None:
        """Stop the spinner."""
        self._pause()

    def _said(self, entry: "LogEntry") -> None:
        """Show what the worker said about the task, above the spinner if there is one."""
        if not self._is_live:
            self._err.write(entry.data)
            self._err.flush()
            return
        console = self._status.console if self._status else self._screen.console(sys.stderr)
        for line in entry.data.decode("utf-8", "replace").splitlines():
            console.print(printable(line), style="dim")

    def _leave_phase(self) -> None:
        """Leave a line about the phase that has passed, where a spinner stood."""
        if self._status is None:
            return
        self._pause()
        took = length(time.monotonic() - self._since_s)
        self._line(f"{self._phase} {took}")

    def _pause(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, text: str) -> None:
        self._screen.say(f"{self._screen.symbol('▸', '>')} {text}")


def dropped(size_bytes: int, worker: str | None) -> str:
    """Return what stands where output is missing."""
    where = f"; the whole log lies on worker {printable(worker)}" if worker else ""
    return f"[{size(size_bytes)} dropped here{where}]"


def _phase(record: "Record") -> str:
    if record.state == "running":
        return record.phase or _CLAIMED
    return record.state


def _words(record: "Record") -> str:
    if record.state == "queued" and record.position is not None:
        return f"queued in {record.queue}, position {record.position}"
    if record.state == "running" and not record.cancel_requested:
        phase = _phase(record)
        return _at(phase, record.worker)
    return words.state(record)


def _at(phase: str, worker: str | None) -> str:
    by = {"running": "on", _CLAIMED: "by"}.get(phase)
    return f"{phase} {by} {printable(worker)}" if by and worker else phase
