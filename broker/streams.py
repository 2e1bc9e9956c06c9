"""Reading one stream by last id: a reader that is cancelled or restarted loses nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .decoding import text

if TYPE_CHECKING:
    from redis.asyncio import Redis

START: Final = "0-0"
"""Before the first entry of any stream."""

Entry = tuple[bytes, Mapping[bytes, bytes]]


async def read(
    redis: "Redis", key: str, after: str, *, count: int, block_ms: int | None
) -> list[Entry]:
    """Return at most `count` entries after an id, oldest first.

    Args:
        redis: where block_ms is given, a connection whose timeout is above it.
        key: the stream; it need not exist.
        after: id of an entry, or START.
        count: at most so many.
        block_ms: wait so long for the first one; None or 0: don't wait.
    """
    replies: Any = await redis.xread({key: after}, count=count, block=block_ms or None)
    return [entry for _, entries in replies for entry in entries]


async def last_id(redis: "Redis", key: str) -> str:
    """Return the id of the newest entry, START without one."""
    newest: Any = await redis.xrevrange(key, count=1)
    return text(newest[0][0]) if newest else START


def place(entry_id: str) -> tuple[int, int]:
    """Return an id as numbers: larger ones come later."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
