r"""A segment: up to about 1 000 tasks in one immutable file. Pure.

    RQASEG1\n | block | block | ... | table | length of the table (8 bytes) | RQASEG1\n

A block is compressed msgpack of some tasks. The table, compressed msgpack too, names the SHA-256
of every block, so it vouches for all of them; the file's name is the SHA-256 of the stored table.
So the same tasks always give the same file, a reader fetches the table and one block instead of
the whole file, and whatever was altered or cut short is noticed where it is read.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from ..errors import ArchiveDamaged
from .copies import Meta, TaskCopy, meta_of

MAGIC: Final = b"RQASEG1\n"
TAIL_BYTES: Final = 8 + len(MAGIC)
SUFFIX: Final = ".segment"

_BLOCK_BYTES: Final = 256 * 1024
"""A block is closed when its tasks are this large."""
_LEVEL: Final = 3
_MOST_RAW_BYTES: Final = 512 * 1024 * 1024
"""Of a block or a table. Whoever may write to an archive must not fill a reader's memory."""
_LAST_DAY_MS: Final = 253_402_300_799_000

Read = Callable[[int, int], bytes]
"""Returns the bytes of a segment from a place, and at most so many."""


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Where a block lies, and what it must be."""

    start: int
    length: int
    raw_length: int
    digest: bytes


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a segment."""

    v: int = 1
    namespace: str
    blocks: list[Block]
    tasks: list[Meta]


def encode(namespace: str, copies: Sequence[TaskCopy]) -> tuple[str, bytes]:
    """Return the path of a segment below its namespace, and its bytes.

    Args:
        namespace: of the tasks.
        copies: at least one; the same ones in the same order give the same bytes.
    """
    parts, blocks, metas = [MAGIC], [], []
    start = len(MAGIC)
    for number, tasks in enumerate(_grouped(copies)):
        raw = msgspec.msgpack.encode([task for _, task in tasks])
        stored = zlib.compress(raw, _LEVEL)
        blocks.append(Block(start, len(stored), len(raw), hashlib.sha256(stored).digest()))
        metas += [meta_of(copy, number, place) for place, (copy, _) in enumerate(tasks)]
        parts.append(stored)
        start += len(stored)
    table = zlib.compress(
        msgspec.msgpack.encode(Table(namespace=namespace, blocks=blocks, tasks=metas)), _LEVEL
    )
    parts += [table, len(table).to_bytes(8, "big"), MAGIC]
    day = _day(max(meta.finished_ms for meta in metas))
    return f"{day}/{hashlib.sha256(table).hexdigest()}{SUFFIX}", b"".join(parts)


def read_table(path: str, size: int, read: Read) -> Table:
    """Return the table of a segment.

    Args:
        path: of the segment; its name vouches for the table.
        size: of the segment, in bytes.
        read: fetches parts of it.

    Raises:
        ArchiveDamaged: it was altered or cut short.
    """
    tail = read(max(0, size - TAIL_BYTES), TAIL_BYTES)
    length = int.from_bytes(tail[:8], "big")
    if len(tail) < TAIL_BYTES or tail[8:] != MAGIC or length > size - TAIL_BYTES - len(MAGIC):
        raise ArchiveDamaged(f"segment {path}: it does not end as a segment does: cut short?")
    stored = read(size - TAIL_BYTES - length, length)
    name = path.rpartition("/")[2].removesuffix(SUFFIX)
    if hashlib.sha256(stored).hexdigest() != name:
        raise ArchiveDamaged(f"segment {path}: its table was altered: it has another digest")
    try:
        return msgspec.msgpack.decode(_inflated(stored, _MOST_RAW_BYTES), type=Table)
    except (zlib.error, ValueError) as e:
        raise ArchiveDamaged(f"segment {path}: its table is malformed: {e}") from e


def read_block(path: str, block: Block, read: Read) -> list[TaskCopy]:
    """Return the tasks of a block.

    Raises:
        ArchiveDamaged: it was altered or cut short.
    """
    stored = read(block.start, block.length)
    if hashlib.sha256(stored).digest() != block.digest:
        raise ArchiveDamaged(f"segment {path}: the block at {block.start} was altered or cut short")
    try:
        raw = _inflated(stored, min(block.raw_length, _MOST_RAW_BYTES))
        return msgspec.msgpack.decode(raw, type=list[TaskCopy])
    except (zlib.error, ValueError) as e:
        raise ArchiveDamaged(f"segment {path}: the block at {block.start} is malformed") from e


def _inflated(stored: bytes, most: int) -> bytes:
    """Return what was compressed, at most so many bytes: what follows is malformed then."""
    return zlib.decompressobj().decompress(stored, max(1, most))  # 0 would mean: any number


def _grouped(copies: Sequence[TaskCopy]) -> Iterator[list[tuple[TaskCopy, msgspec.Raw]]]:
    """Yield the tasks in groups that make a block each, with their encoding."""
    group: list[tuple[TaskCopy, msgspec.Raw]] = []
    length = 0
    for copy in copies:
        encoded = msgspec.msgpack.encode(copy)
        group.append((copy, msgspec.Raw(encoded)))
        length += len(encoded)
        if length >= _BLOCK_BYTES:
            yield group
            group, length = [], 0
    if group:
        yield group


def _day(ms: int) -> str:
    return datetime.fromtimestamp(min(ms, _LAST_DAY_MS) / 1000, UTC).date().isoformat()
