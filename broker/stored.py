"""Bytes that anybody may have written into Redis, read within bounds."""

from typing import TYPE_CHECKING

from .errors import KeyMisused, TrustError

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def stored_bytes(redis: "Redis", key: str, *, most: int) -> bytes:
    """Return the content of a STRING, empty if there is none.

    Args:
        redis: the connection.
        key: a key whose name is known, but not what somebody put there.
        most: of a larger one, so many bytes and one more.

    Raises:
        TrustError: the key holds something else.
    """
    from .translated import translated

    try:
        with translated("redis"):
            content: bytes = await redis.getrange(key, 0, most)  # type: ignore[assignment]
    except KeyMisused as e:
        raise TrustError(f"{key} holds something else than bytes: submit the task again") from e
    return content
