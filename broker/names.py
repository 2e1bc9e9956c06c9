"""Which names are acceptable. Pure."""

from typing import Final

from .errors import UsageError
from .keys import NAME_PATTERN

_SHOWN: Final = 64


def check_queue(name: str) -> None:
    """Raise UsageError unless a queue may have this name."""
    if not NAME_PATTERN.fullmatch(name):
        shown = repr(name[:_SHOWN]) + ("..." if len(name) > _SHOWN else "")
        raise UsageError(
            f"queue {shown} is not a name; use up to 63 letters, digits, '_', '-' and '.'"
        )
