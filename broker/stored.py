"""Bytes that anybody may have written into Redis, read within bounds."""

from typing import TYPE_CHECKING

from . import client_errors
from .errors import KeyMisused, TrustError
from .failures import translate

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
    try:
        content: bytes = await redis.getrange(key, 0, most)  # type: ignore[assignment]
    except KeyMisused as e:
        raise _misused(key) from e
    except client_errors.RedisError as e:  # of a client whose errors are not translated yet
        error = translate(e, "redis")
        if isinstance(error, KeyMisused):
            raise _misused(key) from e
        raise error or e from e
    return content


def _misused(key: str) -> TrustError:
    return TrustError(f"{key} holds something else than bytes: submit the task again")
