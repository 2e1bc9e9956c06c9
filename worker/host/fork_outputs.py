"""Reads what the children of a host print."""

from __future__ import annotations

import os
import selectors
import time

from .output import PARTIAL_S, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .forked import Forked
    from .reports import Reports

_READ_BYTES = 1 << 16
_MOST_AT_END = 1 << 22
"""What is read of a stream whose call has ended; more comes only of what could not be killed."""


class ForkOutputs:
    """The pipes of all children."""

    def __init__(self, selector: selectors.BaseSelector, reports: Reports) -> None:
        self._selector = selector
        self._reports = reports
        self._waits: set[Output] = set()
        self._by_fd: dict[int, tuple[Forked, str, Output]] = {}

    def open(self, child: Forked) -> None:
        """Read its pipes from now on."""
        for name, fd in child.pipes.items():
            output = Output(self._reports, self._waits, child.call.key, name, is_wanted=True)
            self._by_fd[fd] = child, name, output
            self._selector.register(fd, selectors.EVENT_READ, self._read)

    def close(self, child: Forked) -> None:
        """Read what is left, and forget it."""
        for fd in list(child.pipes.values()):
            size = 0
            while size < _MOST_AT_END and (read := self._read(fd)):
                size += read
            if fd in child.pipes.values():
                self._end(fd)

    def flush_older(self) -> None:
        """Say incomplete lines that have waited long enough."""
        if self._waits:
            now = time.monotonic()
            for one in list(self._waits):
                one.flush_if_older(now)

    def wait_s(self) -> float | None:
        """How long until `flush_older` is to be called; None: it need not be."""
        return PARTIAL_S if self._waits else None

    def _read(self, fd: int) -> int:
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        if data:
            self._by_fd[fd][2].write_bytes(data)
        else:
            self._end(fd)
        return len(data)

    def _end(self, fd: int) -> None:
        child, name, output = self._by_fd.pop(fd)
        del child.pipes[name]
        self._selector.unregister(fd)
        os.close(fd)
        output.close()
