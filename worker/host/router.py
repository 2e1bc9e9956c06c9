"""`sys.stdout` and `sys.stderr` of a host: what a call prints goes to its own log."""

from __future__ import annotations

import io
import sys

from .call import CURRENT
from .output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from .call import Call
    from .reports import Reports


class Outputs:
    """Finds the output of the call whose code runs."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._waits: set[Output] = set()
        self.is_off = False
        """True in a forked child of a task: what it prints is the host's own, like a program's."""

    def current(self, name: str) -> Output | None:
        """The stream of the running call; None: nobody's, or a call's that has ended."""
        call = CURRENT.get()
        if call is None or call.has_ended or self.is_off:
            return None
        return (call.out if name == "out" else call.err) or self.of(call, name)

    def of(self, call: Call, name: str) -> Output:
        """The stream of a call, made when it is first used."""
        with self._reports.lock:  # two threads of a call may print at once
            found = call.out if name == "out" else call.err
            if found is None:
                found = Output(self._reports, self._waits, call.key, name, is_wanted=call.log)
                if name == "out":
                    call.out = found
                else:
                    call.err = found
            return found

    def flush_older(self, now: float) -> None:
        """Say incomplete lines that have waited long enough."""
        if self._waits:
            with self._reports.lock:
                for one in list(self._waits):
                    one.flush_if_older(now)

    def install(self) -> None:
        """Become stdout and stderr; `sys.__stdout__` and `sys.__stderr__` stay the host's own."""
        sys.stdout = _Text(self, "out", sys.stdout)
        sys.stderr = _Text(self, "err", sys.stderr)


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, outputs: Outputs, name: str, own: TextIO) -> None:
        self._outputs = outputs
        self._stream = name
        self._own = own

    def write(self, data: Any) -> int:
        output = self._outputs.current(self._stream)
        if output is None:
            return self._own.buffer.write(data)
        content = bytes(data)
        output.write_bytes(content)
        return len(content)

    def flush(self) -> None:
        output = self._outputs.current(self._stream)
        if output is None:
            self._own.buffer.flush()
        else:
            output.flush()

    def close(self) -> None:
        """Other calls print through it too."""

    def fileno(self) -> int:
        return self._own.fileno()

    def writable(self) -> bool:
        return True

    @property
    def raw(self) -> Any:
        return self


class _Text(io.TextIOBase):
    """`sys.stdout`."""

    encoding = "utf-8"
    errors = "replace"
    line_buffering = True
    mode = "w"

    def __init__(self, outputs: Outputs, name: str, own: TextIO) -> None:
        self._outputs = outputs
        self._stream = name
        self._own = own
        self.name = own.name
        self.buffer = _Bytes(outputs, name, own)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        output = self._outputs.current(self._stream)
        if output is None:
            return self._own.write(text)
        output.write(text)
        return len(text)

    def flush(self) -> None:
        self.buffer.flush()

    def close(self) -> None:
        """Other calls print through it too."""

    def detach(self) -> Any:
        raise io.UnsupportedOperation("stdout is shared by the tasks of this process")

    def reconfigure(self, **options: Any) -> None:
        """It is UTF-8, and written through; there is nothing to choose."""

    def fileno(self) -> int:
        """Programs that a task starts write into the host's own output."""
        return self._own.fileno()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True
