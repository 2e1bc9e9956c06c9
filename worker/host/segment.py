"""One file of reports."""

from __future__ import annotations

import contextlib
import os

from .lines import OUTPUT, gap_line


class Segment:
    """`reports.<number>` of a folder; size in bytes."""

    def __init__(self, folder: str, number: int) -> None:
        """Make it; raises OSError."""
        self.number = number
        self.size = 0
        self._path = os.path.join(folder, f"reports.{number}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._output: dict[tuple[str, str], int] = {}

    def append(self, data: bytes) -> bool:
        """True if all of it stands there; else nothing of it does."""
        try:
            written = os.write(self._file, data)
        except OSError:
            return False
        if written != len(data):  # the disk became full in its middle
            try:
                os.ftruncate(self._file, self.size)
            except OSError:
                self.size += written
            return False
        self.size += written
        return True

    def note_output(self, key: str, stream: str, size: int) -> None:
        """So many bytes of output of a call are in it."""
        self._output[key, stream] = self._output.get((key, stream), 0) + size

    def close(self) -> None:
        """It is complete."""
        os.close(self._file)

    def remove(self) -> None:
        """It was read."""
        with contextlib.suppress(OSError):  # gone already, with its folder
            os.unlink(self._path)

    def drop_output(self) -> int:
        """Replace it by what must not be lost, with gaps; return how many bytes that freed."""
        if not self._output:
            return 0
        fresh = f"{self._path}.new"
        try:
            with open(self._path, "rb") as file:
                kept = [line for line in file if not line.startswith(OUTPUT)]
            gaps = [gap_line(*of, size) for of, size in self._output.items()]
            with open(fresh, "wb") as file:
                file.writelines(gaps + kept)
            os.replace(fresh, self._path)
        except OSError:
            return 0  # the disk is full; new output is dropped then
        self._output = {}
        freed = self.size - os.path.getsize(self._path)
        self.size -= freed
        return freed
