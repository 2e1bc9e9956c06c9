"""The end of an append-only file, taken away as a power loss takes it."""

import re
import time
from pathlib import Path
from typing import Final

import msgspec

_STAMP: Final = re.compile(rb"^#TS:(\d+)\r$", re.MULTILINE)


class Cut(msgspec.Struct, frozen=True):
    """What was taken."""

    lost_bytes: int
    lost_since: float
    """Nothing that was written before is lost; CLOCK_MONOTONIC, s."""
    lost_s: float
    """From then to the last write."""


def cut(file: Path, last_s: float, *, torn_bytes: int = 0) -> Cut:
    """Drop what was written in the last seconds before the last write.

    A stamp comes before the first write of a second, never inside of a transaction.
    """
    written_s = file.stat().st_mtime
    written = file.read_bytes()
    stamps = [(int(found[1]), found.start()) for found in _STAMP.finditer(written)]
    lost = [(at_s, place) for at_s, place in stamps if at_s > written_s - last_s - 1]
    assert lost, "nothing was written in these seconds"
    at_s, place = lost[0]
    with open(file, "r+b") as opened:
        opened.truncate(min(place + torn_bytes, len(written)))
    return Cut(
        lost_bytes=len(written) - place,
        lost_since=at_s - time.time() + time.monotonic(),
        lost_s=written_s - at_s,
    )
