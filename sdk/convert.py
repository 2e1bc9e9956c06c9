"""Converts the text of an override to the type of the default that it replaces."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


class WrongType(ValueError):
    """A text that is not what the default asks for; the message says what is wanted."""


def convert(default: Any, text: str) -> Any:
    """Return text as a value of the default's type; raises WrongType."""
    if default is None:
        return _json_else_text(text)
    if isinstance(default, bool):
        return _boolean(text)
    if isinstance(default, int):
        return _number(int, text, "a whole number")
    if isinstance(default, float):
        return _number(float, text, "a number")
    if isinstance(default, str):
        return text
    if isinstance(default, (list, tuple)):
        found = _json(text, list, "a JSON list, such as [1, 2]")
        return tuple(found) if isinstance(default, tuple) else found
    if isinstance(default, dict):
        return _json(text, dict, 'a JSON object, such as {"depth": 3}')
    if hasattr(default, "__fspath__"):
        return type(default)(text)
    raise WrongType(f"cannot be overridden: its default is a {type(default).__name__}")


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise WrongType(f"wants true or false, got {text!r}")
    return word in _TRUE


def _number(kind: type[int | float], text: str, wanted: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise WrongType(f"wants {wanted}, got {text!r}") from None


def _json(text: str, kind: type, wanted: str) -> Any:
    import json

    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise WrongType(f"wants {wanted}, got {text!r}")
    return found


def _json_else_text(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text
