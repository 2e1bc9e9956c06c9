"""Commands become bytes in C: the client's own way takes a microsecond for each argument."""

from typing import TYPE_CHECKING, Any, Final

import hiredis

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection as _Connection
else:
    _Connection = object

_LARGE_BYTES: Final = 256 * 1024
"""Of an argument that is not copied once more."""
_FEW: Final = 8
"""Arguments of a command that may have a large one: a blob or a result, alone."""


class Packed(_Connection):
    """For connections of the client; stands before their class."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return a command as bytes. What C does not take, the client's own way does."""
        if len(args) <= _FEW and any(_is_large(arg) for arg in args):
            return super().pack_command(*args)
        words = args[0].split() if isinstance(args[0], str) else args[:1]
        try:
            return [hiredis.pack_command((*words, *args[1:]))]
        except (TypeError, UnicodeEncodeError):  # text that is no UTF-8; a view of bytes
            return super().pack_command(*args)


def _is_large(argument: Any) -> bool:
    return isinstance(argument, bytes) and len(argument) > _LARGE_BYTES
