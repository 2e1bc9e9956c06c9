"""Turns a parameter that was used into text that is safe to store and show."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_TEXT = 2_000
_LONGEST_REPR = 200
_SECRET_WORDS = frozenset({"password", "passwd", "passphrase", "token", "secret", "apikey"})
_SECRET_KEYS = frozenset({"api", "access", "private", "secret"})
_HIDDEN = "***"


def render(name: str, value: Any) -> str:
    """Text as it is, the rest as JSON, what JSON can't say by its repr; secrets are hidden."""
    if isinstance(value, (str, bytes)) and value and is_secret(name):
        return _HIDDEN
    if isinstance(value, str):
        return _cut(value, _LONGEST_TEXT)
    try:
        return _cut(json.dumps(value), _LONGEST_TEXT)
    except (TypeError, ValueError, RecursionError):
        return _cut(_describe(value), _LONGEST_REPR)


def is_secret(name: str) -> bool:
    """True for hf_token or db.password; False for max_tokens or tokenizer."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    pairs = zip(words, words[1:])  # noqa: B905, RUF007  strict= and pairwise need 3.10
    return not _SECRET_WORDS.isdisjoint(words) or any(
        first in _SECRET_KEYS and second == "key" for first, second in pairs
    )


def _describe(value: Any) -> str:
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '?')}.{value.__qualname__}"  # no address: stable
    try:
        return repr(value)
    except Exception as e:  # noqa: BLE001  any code of the user may stand behind repr
        return f"<{type(value).__name__}: repr failed with {type(e).__name__}>"


def _cut(text: str, longest: int) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates from argv
    return text if len(text) <= longest else text[: longest - 3] + "..."
