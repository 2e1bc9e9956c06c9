"""What is only needed for a result that Python's encoder refuses: its keys, or where it fails."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class NoForm(Exception):
    """A value inside that JSON has no form for; the text says its type and place."""


def with_keys(value: Any, simpler: Callable[[Any], Any], place: str = "result") -> Any:
    """Return the value in JSON's own terms, with all keys as texts; raises NoForm."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NoForm(f"{value!r} at {place}: JSON has no such number")
        return value
    if isinstance(value, str):
        return _text(value, place)
    if isinstance(value, dict):
        return _object(value, simpler, place)
    if isinstance(value, (list, tuple)):
        return [with_keys(one, simpler, f"{place}[{i}]") for i, one in enumerate(value)]
    try:
        plainer = simpler(value)
    except TypeError:
        kind = type(value)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        raise NoForm(f"{name} at {place}") from None
    return with_keys(plainer, simpler, place)


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NoForm(f"str at {place} with a lone surrogate") from None
    return value


def _object(value: dict[Any, Any], simpler: Callable[[Any], Any], place: str) -> dict[str, Any]:
    found = {}
    for key, one in value.items():
        name = _key(key, simpler, place)
        found[name] = with_keys(one, simpler, f"{place}[{key!r}]")
    return found


def _key(key: Any, simpler: Callable[[Any], Any], place: str) -> str:
    plain = key if isinstance(key, str) else with_keys(key, simpler, f"a key of {place}")
    if isinstance(plain, str):
        return _text(plain, f"a key of {place}")
    if plain is None or isinstance(plain, (bool, list, dict)):
        raise NoForm(f"{type(key).__name__} as a key of {place}")
    return str(plain)
