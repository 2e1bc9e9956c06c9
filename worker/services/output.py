"""What one light task said and Redis does not have yet, in memory and bounded."""

from collections import deque
from itertools import islice
from typing import Final, get_args

import msgspec

from ...broker.claims import Token
from ...broker.logs import LIMIT_BYTES, Chunk, StreamName
from .calls import Said

STREAM_BYTES: Final = LIMIT_BYTES // 2
"""Of each stream. Less than Redis keeps of both; see Shipping."""
_STREAMS: Final = get_args(StreamName)
_PART: Final = 64
_ENTRY_BYTES: Final = 64
"""That a part takes beside its data, about."""
_JOINED_BYTES: Final = 8 * 1024
"""Parts that follow each other are kept as one of up to this size."""


class Output:
    """Of one attempt. What is too much is dropped, the oldest first: readers see the gap."""

    __slots__ = (
        *("_chunks", "_gaps", "_shown", "_said_end", "_sizes", "is_closed", "is_resumed"),
        *("size_bytes", "token"),
    )

    def __init__(self, token: Token, *, is_resumed: bool = False) -> None:
        """`is_resumed`: an earlier session of this worker shipped some of it."""
        self.token = token
        self.is_resumed = is_resumed
        """Redis is to be asked where our own words end."""
        self._said_end = 0
        self.size_bytes = 0
        self.is_closed = False
        """Its log takes nothing any more."""
        self._chunks: deque[Chunk] = deque()
        self._sizes: dict[str, int] = {}
        self._gaps: set[str] = set()
        """Streams of which the last part was dropped."""
        self._shown = 0
        """How many of the first parts are on their way to Redis."""

    def __len__(self) -> int:
        return len(self._chunks)

    def add(self, said: Said) -> int:
        """Keep a part; return how many bytes more are kept now, which may be negative."""
        if self.is_closed or said.stream not in _STREAMS:
            return 0
        before = self.size_bytes
        stream: StreamName = said.stream  # type: ignore[assignment]
        offset = said.offset
        if stream == "sys":
            offset, self._said_end = self._said_end, self._said_end + len(said.data)
        after_gap = said.after_gap or stream in self._gaps
        self._gaps.discard(stream)
        self._append(stream, offset, said.data, after_gap=after_gap)
        while self._sizes[stream] > STREAM_BYTES:
            self._drop(next(n for n, c in enumerate(self._chunks) if c.stream == stream))
        return self.size_bytes - before

    def drop_oldest(self) -> int:
        """Drop the oldest part; return how many bytes more are kept now."""
        before = self.size_bytes
        if self._chunks:
            self._drop(0)
        return self.size_bytes - before

    def first(self) -> list[Chunk]:
        """Return what is to be stored next."""
        self._shown = min(_PART, len(self._chunks))
        return list(islice(self._chunks, self._shown))

    def stored(self) -> int:
        """Forget what `first` returned, as far as it is kept still; return as `add`."""
        before = self.size_bytes
        for _ in range(self._shown):
            chunk = self._chunks.popleft()
            self._count(chunk.stream, -cost(chunk))
        self._shown = 0
        return self.size_bytes - before

    def close(self) -> int:
        """Keep nothing any more; return as `add`."""
        before, self.size_bytes, self._shown = self.size_bytes, 0, 0
        self._chunks.clear()
        self._sizes.clear()
        self.is_closed = True
        return -before

    def accept_loss(self) -> None:
        """Redis lost what came before: store the next part of each stream all the same."""
        seen: set[str] = set()
        for number, chunk in enumerate(self._chunks):
            if chunk.stream not in seen:
                self._chunks[number] = msgspec.structs.replace(chunk, after_gap=True)
                seen.add(chunk.stream)

    def say_after(self, end: int) -> None:
        """Let our own words follow what an earlier session of this worker said."""
        for number, chunk in enumerate(self._chunks):
            if chunk.stream == "sys":
                moved = msgspec.structs.replace(chunk, offset=chunk.offset + end)
                self._chunks[number] = moved
        self._said_end += end
        self.is_resumed = False

    def _append(self, stream: StreamName, offset: int, data: bytes, *, after_gap: bool) -> None:
        last = self._chunks[-1] if len(self._chunks) > self._shown else None
        joins = last is not None and last.stream == stream and not after_gap
        if last and joins and last.offset + last.raw_bytes == offset and _fits(last.data, data):
            self._chunks.pop()
            self._count(stream, -cost(last))
            offset, data, after_gap = last.offset, last.data + data, last.after_gap
        chunk = Chunk(
            stream=stream, offset=offset, raw_bytes=len(data), data=data, after_gap=after_gap
        )
        self._chunks.append(chunk)
        self._count(stream, cost(chunk))

    def _drop(self, number: int) -> None:
        chunk = self._chunks[number]
        del self._chunks[number]
        self._shown -= number < self._shown
        self._count(chunk.stream, -cost(chunk))
        for later, other in enumerate(self._chunks):
            if other.stream == chunk.stream:
                self._chunks[later] = msgspec.structs.replace(other, after_gap=True)
                return
        self._gaps.add(chunk.stream)

    def _count(self, stream: str, size: int) -> None:
        self._sizes[stream] = self._sizes.get(stream, 0) + size
        self.size_bytes += size


def cost(chunk: Chunk) -> int:
    """Return about how many bytes of memory a part takes."""
    return len(chunk.data) + _ENTRY_BYTES


def _fits(first: bytes, second: bytes) -> bool:
    return len(first) + len(second) <= _JOINED_BYTES
