"""The output of attempts: bounded streams of byte-accurate chunks."""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Final, Literal, Protocol

import msgspec

from . import keys, retention, streams
from .decoding import text, whole
from .errors import BrokerUnavailable, UsageError
from .keys import TaskId
from .namespace import Namespace
from .scripts import Argument

LIMIT_BYTES: Final = 1024 * 1024
"""How much of one attempt's output Redis keeps; each chunk counts 64 bytes more than its data."""
CHUNK_BYTES: Final = 16 * 1024
_CHUNKS_PER_CALL: Final = 32

StreamName = Literal["out", "err", "sys"]

_STREAMS: Final[tuple[StreamName, ...]] = ("out", "err", "sys")
_CURSOR: Final = re.compile(r"[0-9]{1,16}-[0-9]{1,16}(/[0-9]{1,16}){3}", re.ASCII)


class AppendCode(IntEnum):
    """What Redis said of output."""

    STORED = 1
    CLOSED = 0  # this log takes nothing any more: another claim has it, or it is gone
    GONE = -1  # no such task
    NOT_YET = -2  # Redis came back older than the claim: after a beat
    BEHIND = -3  # Redis lost output that came before


class LogBehind(BrokerUnavailable):
    """Redis lost output that was shipped before: ship from where its log ends, see Logs.ends()."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Output to store. `sys` is what rq-agent itself says, with offsets of its own."""

    stream: StreamName
    offset: int
    """Where it begins in the raw output of its stream, in bytes."""
    raw_bytes: int
    """How many raw bytes it stands for: more than the data where some were collapsed."""
    data: bytes
    after_gap: bool = False
    """Its writer left out what comes right before it; else a hole there is a loss in Redis."""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Output as read."""

    stream: str
    offset: int
    raw_bytes: int
    data: bytes
    dropped_bytes: int
    """Raw bytes of this stream that are missing right before it."""
    at: float
    """When Redis got it; Unix seconds."""


class Token(Protocol):
    """What proves that a writer holds, or held, an attempt. A Claim is one."""

    @property
    def task_id(self) -> TaskId:
        """The task."""

    @property
    def fence(self) -> int:
        """Which attempt: its number of the claim."""

    @property
    def nonce(self) -> str:
        """The claim's own secret."""


class Logs:
    """Writes and reads the logs of attempts.

    To wait for output, give it a namespace on a blocking connection.
    """

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def append(
        self, token: Token, chunks: Iterable[Chunk], *, limit_bytes: int = LIMIT_BYTES
    ) -> bool:
        """Add output to the log of one attempt; the oldest goes when it is full.

        Safe to repeat with the same chunks: what is stored already is skipped.

        Returns:
            False if this log takes nothing any more: the task was purged, another claim has
            the fence, or the attempt is over and its log is gone. Drop the chunks.

        Raises:
            LogBehind: nothing of a part is stored; the ones before it are.
            BrokerUnavailable: also when Redis came back older than the claim; a beat tells it.
        """
        for arguments in _append_arguments(token, chunks, limit_bytes):
            reply = await self._ns.scripts.append(arguments)
            if reply == AppendCode.NOT_YET:
                raise BrokerUnavailable(
                    f"redis came back without the claim of task {token.task_id}; its output waits"
                )
            if reply == AppendCode.BEHIND:
                raise LogBehind(f"redis lost a part of the output of task {token.task_id}")
            if reply != AppendCode.STORED:
                return False
        return True

    async def append_many(
        self, parts: Sequence[tuple[Token, Sequence[Chunk]]], *, limit_bytes: int = LIMIT_BYTES
    ) -> list[AppendCode]:
        """Add output to the logs of many attempts in one round trip; see `append`.

        Returns:
            One code for each, in their order. Where an attempt has more chunks than one call of
            the script takes, the first code that is not STORED; later ones may be stored then.
        """
        calls = [list(_append_arguments(token, chunks, limit_bytes)) for token, chunks in parts]
        flat = [arguments for those in calls for arguments in those]
        replies = iter(await self._ns.scripts.append.many(flat) if flat else [])
        return [_worst([AppendCode(next(replies)) for _ in those]) for those in calls]

    async def ends(self, task_id: TaskId, fence: int) -> dict[StreamName, int]:
        """Return where each stream of an attempt's log ends, in raw bytes; 0 where it has none."""
        key = keys.log(self._ns.prefix, task_id, fence)
        newest: Any = await self._ns.redis.xrevrange(key, count=1)
        told = newest[0][1].get(b"e", b"").split() if newest else []
        ends = [whole(end) or 0 for end in told] if len(told) == len(_STREAMS) else [0, 0, 0]
        return dict(zip(_STREAMS, ends, strict=True))

    async def read(
        self,
        task_id: TaskId,
        fence: int,
        after: str = "0",
        *,
        count: int = 500,
        block_ms: int | None = None,
    ) -> tuple[list[LogEntry], str]:
        """Return at most `count` entries, oldest first, and what to pass as `after` next time.

        Args:
            task_id: the task.
            fence: which attempt's log.
            after: `0` for the beginning of what is kept, else what the last call returned.
            count: at most so many.
            block_ms: wait so long for the first one; None or 0: don't wait.
        """
        cursor = Cursor.parse(after)
        entries = await streams.read(
            self._ns.redis,
            keys.log(self._ns.prefix, task_id, fence),
            cursor.last,
            count=count,
            block_ms=block_ms,
        )
        return [cursor.advance(entry) for entry in entries], str(cursor)


class Cursor:
    """How far a reader came: the last entry, and where each stream ended then.

    As text (`<entry id>/<out>/<err>/<sys>`) it can go through a browser and come back.
    """

    def __init__(self, last: str, ends: dict[str, int]) -> None:
        self.last = last
        self._ends = ends

    @classmethod
    def parse(cls, after: str) -> "Cursor":
        """Return the cursor of a text; `0` is the beginning.

        Raises:
            UsageError: the text is not a cursor's.
        """
        if after == "0":
            after = "0-0/0/0/0"
        if not _CURSOR.fullmatch(after):
            raise UsageError(f"{after[:80]!r} is not a place in a log; 0 is its beginning")
        last, *ends = after.split("/")
        return cls(last, dict(zip(_STREAMS, map(int, ends), strict=True)))

    def __str__(self) -> str:
        return "/".join([self.last, *(str(end) for end in self._ends.values())])

    def advance(self, entry: streams.Entry) -> LogEntry:
        """Step over one entry and return it, with the hole before it."""
        entry_id, fields = entry
        self.last = entry_id.decode()
        stream = text(fields.get(b"s", b""))
        offset, raw_bytes = whole(fields.get(b"o")) or 0, whole(fields.get(b"n")) or 0
        end = self._ends.get(stream, offset)
        if stream in self._ends:
            self._ends[stream] = max(end, offset + raw_bytes)
        return LogEntry(
            stream=stream,
            offset=offset,
            raw_bytes=raw_bytes,
            data=_unseen(fields.get(b"d", b""), raw_bytes, seen_bytes=end - offset),
            dropped_bytes=max(0, offset - end),
            at=int(self.last.partition("-")[0]) / 1000,
        )


def _append_arguments(
    token: Token, chunks: Iterable[Chunk], limit_bytes: int
) -> Iterator[list[Argument]]:
    """Yield the arguments of each call of append.lua."""
    pieces = [piece for chunk in chunks for piece in split(chunk)]
    for start in range(0, len(pieces), _CHUNKS_PER_CALL):
        batch = pieces[start : start + _CHUNKS_PER_CALL]
        result: list[Argument] = [token.task_id, token.fence, token.nonce]
        result += [limit_bytes, retention.LOG_MS, len(batch)]
        for c in batch:
            result += [c.stream, c.offset, c.raw_bytes, int(c.after_gap), c.data]
        yield result


def _worst(codes: Sequence[AppendCode]) -> AppendCode:
    """Return the first code that is not STORED."""
    return next((code for code in codes if code is not AppendCode.STORED), AppendCode.STORED)


def _unseen(data: bytes, raw_bytes: int, *, seen_bytes: int) -> bytes:
    """Return what is new of an entry: a Redis that lost its last second is told all of it again."""
    if seen_bytes <= 0:
        return data
    if seen_bytes >= raw_bytes:
        return b""
    return data[seen_bytes:] if len(data) == raw_bytes else data


def split(chunk: Chunk) -> Sequence[Chunk]:
    """Return the chunk in pieces that the stream takes; the last stands for what was collapsed."""
    if len(chunk.data) <= CHUNK_BYTES:
        return [chunk]
    pieces = []
    offset, end = chunk.offset, chunk.offset + chunk.raw_bytes
    for start in range(0, len(chunk.data), CHUNK_BYTES):
        data = chunk.data[start : start + CHUNK_BYTES]
        is_last = start + CHUNK_BYTES >= len(chunk.data)
        stop = end if is_last else min(end, offset + len(data))
        pieces.append(
            msgspec.structs.replace(
                chunk,
                offset=offset,
                raw_bytes=stop - offset,
                data=data,
                after_gap=chunk.after_gap and start == 0,
            )
        )
        offset = stop
    return pieces
