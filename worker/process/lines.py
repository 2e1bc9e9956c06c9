"""Cuts what a program printed into pieces to ship. Pure: bytes in, pieces out.

Rules:
* What is complete (ends in a newline) is shipped. Bytes are never changed, but for `\\r`.
* `\\r\\n` is a newline and is shipped as `\\n`.
* A line that a lone `\\r` rewrites (a progress bar) ships only its latest text. If something of that
  line was shipped before, a `\\r` goes first, so that a terminal shows the new text over the old.
* The last line, not ended yet: its bar is shipped as it is now; plain text is held back until the
  next call, since the rest of the line usually follows at once. So are the first bytes of a
  multi-byte character that is cut off.
"""

import re
from typing import Final, NamedTuple

MAX_BYTES: Final = 16 * 1024
"""Data in one piece."""
# Both look at a run of `\r` once, from its start: a megabyte of them costs no more than of text.
_LONE_CR: Final = re.compile(rb"(?<!\r)\r++(?!\n)")
_CR: Final = 0x0D
_NEWLINE: Final = re.compile(rb"(?<!\r)\r++\n")


class Piece(NamedTuple):
    """One part of the file, in order and without a gap after the one before."""

    raw_bytes: int
    data: bytes


def cut(raw: bytes, *, mid_line: bool, seen: int, final: bool) -> list[Piece]:
    """Return pieces for the beginning of raw; the rest is to be given again, with more behind it.

    Args:
        raw: what was not shipped yet.
        mid_line: whether something of its first line was shipped before.
        seen: how many of its bytes the call before had, too: those are held back no longer.
        final: nothing follows, so nothing is held back.
    """
    end = _shippable(raw, seen=seen, final=final)
    pieces = _Pieces()
    at = 0
    while (found := _LONE_CR.search(raw, at, end)) is not None:
        line_start = raw.rfind(b"\n", at, found.start()) + 1 or at
        _add_text(pieces, raw, at, line_start)
        at = _add_bar(pieces, raw, line_start, end, again=mid_line and line_start == 0)
    _add_text(pieces, raw, at, end)
    pieces.add(len(raw) - end if final else 0, b"")  # a `\r` with nothing behind it
    return pieces.done


def first_line(raw: bytes) -> int:
    """Return the first place where a line starts, or a character if no line is near."""
    newline = raw.find(b"\n", 0, MAX_BYTES)
    if newline >= 0:
        return newline + 1
    return next((i for i, byte in enumerate(raw[:3]) if not _continues(byte)), 0)


class _Pieces:
    def __init__(self) -> None:
        self.done: list[Piece] = []

    def add(self, raw_bytes: int, data: bytes) -> None:
        """Append to the last piece if both fit into one."""
        if self.done and len(self.done[-1].data) + len(data) <= MAX_BYTES:
            last = self.done[-1]
            self.done[-1] = Piece(last.raw_bytes + raw_bytes, last.data + data)
        elif raw_bytes:
            self.done.append(Piece(raw_bytes, data))


def _shippable(raw: bytes, *, seen: int, final: bool) -> int:
    """Return the end of what may be shipped now."""
    end = len(raw.rstrip(b"\r"))  # the next byte tells whether it is a newline
    if final:
        return end
    whole = end - _cut_off(raw, end)
    # What stood there one call ago is not the begin of a character but odd bytes.
    whole = end if whole < seen else len(raw[:whole].rstrip(b"\r"))
    tail = raw.rfind(b"\n", 0, end) + 1
    if tail < seen or end - tail >= MAX_BYTES or _LONE_CR.search(raw, tail, end):
        return whole
    return tail


def _add_text(pieces: _Pieces, raw: bytes, start: int, end: int) -> None:
    while start < end:
        stop = end if end - start <= MAX_BYTES else _break(raw, start)
        pieces.add(stop - start, _NEWLINE.sub(b"\n", raw[start:stop]))
        start = stop


def _add_bar(pieces: _Pieces, raw: bytes, start: int, end: int, *, again: bool) -> int:
    """Ship the last state of a rewritten line; return where the next line starts."""
    newline = raw.find(b"\n", start, end)
    stop = end if newline < 0 else newline + 1
    line = raw[start:stop].rstrip(b"\r\n")
    latest = start + line.rfind(b"\r") + 1
    pieces.add(latest - start, b"\r" if again else b"")
    _add_text(pieces, raw, latest, stop)
    return stop


def _break(raw: bytes, start: int) -> int:
    """Return where to cut a text that is longer than a piece: after a line, else a character."""
    stop = start + MAX_BYTES
    newline = raw.rfind(b"\n", start, stop)
    if newline >= 0:
        return newline + 1
    if raw[stop - 1] == _CR:
        return raw.index(b"\n", stop) + 1  # a text has no other `\r` than before a newline
    for back in range(4):
        if not _continues(raw[stop - back]):
            return stop - back
    return stop


def _cut_off(raw: bytes, end: int) -> int:
    """Return how many bytes before end begin a UTF-8 character that is not complete."""
    for back in range(1, min(3, end) + 1):
        byte = raw[end - back]
        if not _continues(byte):
            return back if _length(byte) > back else 0
    return 0


def _length(first: int) -> int:
    """Return how many bytes a UTF-8 character has that starts so."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _continues(byte: int) -> bool:
    return byte & 0xC0 == 0x80
