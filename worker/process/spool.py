"""Reads what a task printed, piece by piece, while the task itself appends to the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.to_thread
import msgspec

from . import holes, lines

Stream = Literal["out", "err"]
STREAMS: Final[tuple[Stream, ...]] = ("out", "err")
LIMIT_BYTES: Final = 1024 * 1024


class Chunk(msgspec.Struct, frozen=True):
    """One part of a stream. Each begins where the one before it ended: offset + raw_bytes."""

    stream: Stream
    offset: int
    """In the file on disk."""
    raw_bytes: int
    """Bytes of the file that it stands for; more than its data where a bar was collapsed."""
    data: bytes
    """At most 16 KiB; lines.py says how it was cut."""
    is_gap: bool = False
    """The bytes were not shipped, since too many waited. They may still be in the file."""


class Output:
    """What the files `out` and `err` of a run folder have to say since the last call.

    Drop rule: when more than limit_bytes of a stream wait, only the last limit_bytes are read, from
    the start of a line on where one is near, and a gap stands for the rest: of it, and of what
    was given back to the disk (spool_bound.py).
    A file that the task cut shorter (`echo x > /dev/stderr`) is read from its start again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int = LIMIT_BYTES,
        offsets: Mapping[Stream, int] | None = None,
    ) -> None:
        self._limit_bytes = limit_bytes
        start = offsets or {}
        self._readers = [_Reader(folder, stream, start.get(stream, 0)) for stream in STREAMS]

    @property
    def offsets(self) -> dict[Stream, int]:
        """How far each file was read; give it to a new Output to go on from here."""
        return {reader.stream: reader.offset for reader in self._readers}

    def go_to(self, offsets: Mapping[Stream, int]) -> None:
        """Read on from other places, e.g. once more what got lost on its way."""
        for reader in self._readers:
            reader.go_to(offsets[reader.stream])

    def waiting_bytes(self) -> int:
        """Return how much was not read yet."""
        return sum(reader.waiting_bytes() for reader in self._readers)

    async def read(self, *, final: bool = False) -> list[Chunk]:
        """Return what is new, without blocking the event loop.

        `out` comes first, unless a line was begun on `err`: what ends a progress bar must not
        come behind what was printed after it.

        Args:
            final: the task has ended, so its last line is complete as it stands.
        """
        has_more = _Reader.waiting_bytes if final else _Reader.has_news
        if not any(has_more(reader) for reader in self._readers):
            return []
        with anyio.CancelScope(shield=True):  # what is read counts as shipped: nobody may lose it
            chunks = await anyio.to_thread.run_sync(self.read_now, final)
        return chunks

    def read_now(self, final: bool = False) -> list[Chunk]:
        """Do as read(), and block while the disk is slow."""
        chunks: list[Chunk] = []
        for reader in sorted(self._readers, key=lambda each: not each.is_mid_line):
            chunks += reader.read(self._limit_bytes, final=final)
        return chunks


class _Reader:
    def __init__(self, folder: Path, stream: Stream, offset: int) -> None:
        self.stream: Stream = stream
        self.offset = offset
        self._path = folder / stream
        self._seen = offset
        """Size of the file at the last call: what was held back before it is held no longer."""
        self._is_held = False
        self.is_mid_line = False
        """Whether what was read last has no end of its line yet."""

    def go_to(self, offset: int) -> None:
        self.offset = self._seen = offset
        self._is_held = self.is_mid_line = False

    def waiting_bytes(self) -> int:
        """Return how much was not read yet."""
        return max(0, self._size() - self.offset)

    def has_news(self) -> bool:
        """Return whether a call would find more than the last one did."""
        return self._is_held or self._size() != self._seen

    def read(self, limit_bytes: int, *, final: bool) -> list[Chunk]:
        size = self._size()
        if size < self.offset:
            self.offset = self._seen = 0
            self.is_mid_line = False
        if size == self.offset:
            self._seen, self._is_held = size, False
            return []
        wanted, before, raw = self._load(max(self.offset, size - limit_bytes), size)
        skipped = 0
        gap: list[Chunk] = []
        if wanted > self.offset:
            skipped = 0 if before == b"\n" else lines.first_line(raw)
            gap = [self._leave_out(wanted + skipped)]
        mid_line = not gap and before not in (b"", b"\n")
        seen = max(0, self._seen - self.offset)
        pieces = lines.cut(raw[skipped:], mid_line=mid_line, seen=seen, final=final)
        chunks = [*gap, *(self._take(piece) for piece in pieces)]
        self._is_held = self._seen < size and self.offset < size
        self._seen = size
        if said := next((each.data for each in reversed(chunks) if each.data), b""):
            self.is_mid_line = not said.endswith(b"\n")
        return chunks

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _load(self, start: int, end: int) -> tuple[int, bytes, bytes]:
        """Return where the bytes from start to end begin that are still there, the byte before
        that (none at 0), and those bytes.
        """
        with self._path.open("rb") as f:
            found = holes.data_from(f.fileno(), start)
            start = end if found < 0 else min(found, end)
            f.seek(max(0, start - 1))
            before = f.read(1) if start else b""
            return start, before, f.read(end - start)

    def _leave_out(self, end: int) -> Chunk:
        gap = Chunk(self.stream, self.offset, end - self.offset, b"", is_gap=True)
        self.offset = end
        return gap

    def _take(self, piece: lines.Piece) -> Chunk:
        chunk = Chunk(self.stream, self.offset, piece.raw_bytes, piece.data)
        self.offset += piece.raw_bytes
        return chunk
