"""Replies of a pipeline about keys to which anybody may have written."""

from typing import Any, TypeVar

from . import client_errors
from .failures import translate

_Reply = TypeVar("_Reply")


def kept(reply: Any, otherwise: _Reply) -> _Reply:
    """Return a reply; `otherwise` where the key holds another type of value.

    Args:
        reply: of a pipeline that was executed with `raise_on_error=False`.
        otherwise: what stands for nothing.

    Raises:
        BrokerUnavailable, RedisError: the server said something else.
    """
    if isinstance(reply, Exception):
        if isinstance(reply, client_errors.ResponseError) and "WRONGTYPE" in str(reply):
            return otherwise
        if isinstance(reply, client_errors.RedisError):
            raise translate(reply, "redis") or reply
    found: _Reply = reply
    return found
