"""The client's errors by their names, imported when one is first looked for.

`except client_errors.ResponseError` costs nothing until something is raised, so that a command
which only looks need not import the client: see quick_look.py.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.exceptions import (
        AuthenticationError,
        ConnectionError,
        InvalidResponse,
        NoPermissionError,
        NoScriptError,
        RedisError,
        ResponseError,
        TimeoutError,
    )

    __all__ = [
        "AuthenticationError",
        "ConnectionError",
        "InvalidResponse",
        "NoPermissionError",
        "NoScriptError",
        "RedisError",
        "ResponseError",
        "TimeoutError",
    ]
else:

    def __getattr__(name: str) -> Any:
        """Return an error class of the client."""
        from redis import exceptions

        return getattr(exceptions, name)
