"""Reads what a host reports, file by file, as it grows."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Final

from .messages import Nonsense, Report, parse

_NAME: Final = "reports."
_PART: Final = 256 * 1024
_LONGEST_LINE: Final = 64 * 1024 * 1024
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Reports:
    """A place in the reports of one host. What was read once is not read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.segment = first_segment(folder)
        """Number of the file that is read now; all before it are read to their ends."""
        self._fd = -1
        self._rest: list[bytes] = []
        """The begin of a line that is not complete."""
        self._rest_bytes = 0

    def read(self) -> Iterator[Report] | None:
        """Return the reports of the next part, of at most 256 KiB; None: there is no more now.

        Raises:
            Nonsense: what stands there is no report. Nothing after it is to be read.
        """
        part = self._part()
        if not part:
            return None
        lines = part.split(b"\n")
        self._rest.append(lines[0])
        self._rest_bytes += len(lines[0])
        if self._rest_bytes > _LONGEST_LINE:
            raise Nonsense(f"a line of more than {_LONGEST_LINE >> 20} MiB")
        if len(lines) == 1:
            return iter(())
        lines[0] = b"".join(self._rest)
        last = lines.pop()
        self._rest, self._rest_bytes = [last], len(last)
        return (report for line in lines if (report := parse(line)) is not None)

    def close(self) -> None:
        """Read no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _part(self) -> bytes:
        while True:
            if self._fd < 0:
                self._fd = self._open()
                if self._fd < 0:
                    return b""
            # Asked before the end is seen: only then nothing can come after that.
            is_complete = os.path.lexists(self._folder / f"{_NAME}{self.segment + 1}")
            part = os.read(self._fd, _PART)
            if part or not is_complete:
                return part
            if any(self._rest):
                raise Nonsense("a report that ends in the middle")
            self.close()
            self.segment += 1

    def _open(self) -> int:
        try:
            fd = os.open(self._folder / f"{_NAME}{self.segment}", _FLAGS)
        except FileNotFoundError:
            return -1
        except OSError as e:
            raise Nonsense(f"{_NAME}{self.segment}: {e.strerror}") from e
        if not S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Nonsense(f"{_NAME}{self.segment} is no file")
        return fd


def first_segment(folder: Path) -> int:
    """Return the number of the oldest file of reports in a folder; 1 where there is none."""
    try:
        names = [e.name.removeprefix(_NAME) for e in os.scandir(folder) if _NAME in e.name]
    except OSError:
        return 1
    return min((int(name) for name in names if name.isdecimal() and len(name) < 10), default=1)
