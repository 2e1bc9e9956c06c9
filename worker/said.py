"""The worker's own words about one task: a stream of its log, with offsets of its own."""

from collections import deque
from typing import Final

import msgspec

from ..broker.logs import Chunk

_LINE_BYTES: Final = 8_192
_KEPT: Final = 1_000
"""Lines that are remembered: a Redis that lost them is told again."""


class Said:
    """Lines, the newest of them remembered."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque(maxlen=_KEPT)
        self.end = 0
        """In bytes."""

    def add(self, line: str) -> None:
        """Say one more line."""
        data = line.rstrip("\n").encode("utf-8", "replace")[:_LINE_BYTES] + b"\n"
        chunk = Chunk(stream="sys", offset=self.end, raw_bytes=len(data), data=data)
        self._chunks.append(chunk)
        self.end += len(data)

    def begin_at(self, end: int) -> None:
        """Let what was said so far follow what an earlier session of this worker said."""
        shift = end - (self._chunks[0].offset if self._chunks else self.end)
        for _ in range(len(self._chunks)):
            chunk = self._chunks.popleft()
            self._chunks.append(msgspec.structs.replace(chunk, offset=chunk.offset + shift))
        self.end += shift

    def after(self, end: int) -> list[Chunk]:
        """Return what comes after an offset. The first may come after a gap: lines are forgotten."""
        if end >= self.end:
            return []
        chunks = [chunk for chunk in self._chunks if chunk.offset >= end]
        if chunks and chunks[0].offset > end:
            chunks[0] = msgspec.structs.replace(chunks[0], after_gap=True)
        return chunks
