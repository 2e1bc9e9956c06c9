"""The words for true and false."""

from __future__ import annotations

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def truth(text: str) -> bool | None:
    """The boolean that a word means, or None."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
