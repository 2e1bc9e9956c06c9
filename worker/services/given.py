"""What a host was given, on its disk: so whoever finds it dead knows what died with it.

A host that lives tells what runs in it. One that was killed together with its worker can't, and
nobody else remembers: what kills both would run again for ever, and nobody would count it.

A line per batch, not synced: a machine that loses it was restarted, and that is nobody's fault.
What has ended stands in the reports. Before reports are removed, `keep` forgets all but the rest.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ..process import foreign_file
from .calls import Call

_NAME: Final = "given"
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST: Final = 100_000
"""Rows that are read: users' code may have written anything."""
_GROWS_BYTES: Final = 4 * 1024 * 1024
_FLAGS: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)


class Given(msgspec.Struct, array_like=True, frozen=True):
    """One call that a host was given."""

    key: Annotated[str, msgspec.Meta(max_length=128)]
    note: str
    isolation: Annotated[int, msgspec.Meta(ge=0, le=100)]


_decode: Final = msgspec.json.Decoder(list[Given]).decode
_encode: Final = msgspec.json.Encoder().encode


class GivenFile:
    """Of one host. Nothing fails where it can't be written: two beats give back what it lacks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._fd = -1
        self._grown = 0

    @property
    def is_long(self) -> bool:
        """Whether it is time for `keep`."""
        return self._grown > _GROWS_BYTES

    def add(self, calls: Iterable[Call]) -> None:
        """Note calls, before the host gets them."""
        # As rows, but without making one of each.
        line = _encode([(call.key, call.note, call.isolation) for call in calls]) + b"\n"
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, _FLAGS, 0o600)
            self._grown += os.write(self._fd, line)
        except OSError:
            self.close()

    def keep(self, rows: Iterable[Given]) -> None:
        """Forget all but these: the calls that have not ended."""
        self.close()
        self._grown = 0
        fresh = self._path.with_name(f"{_NAME}.new")
        try:
            fresh.unlink(missing_ok=True)
            fd = os.open(fresh, _FLAGS | os.O_EXCL, 0o600)
            try:
                line = _encode(list(rows)) + b"\n"
                if os.write(fd, line) != len(line):
                    raise OSError("the disk is full")
            finally:
                os.close(fd)
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):  # else it would name calls whose ends nobody can read any more
                self._path.unlink()

    def read(self) -> list[Given]:
        """Return the calls that it names, of two with one key the later; passes over what is cut."""
        try:
            text = foreign_file.read(self._path, _MOST_BYTES)
        except OSError:
            return []
        found: dict[str, Given] = {}
        for line in text.split(b"\n"):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                found.update((row.key, row) for row in _decode(line))
            if len(found) > _MOST:
                break
        return list(found.values())[:_MOST]

    def close(self) -> None:
        """Write no more for now."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
