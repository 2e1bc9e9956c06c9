"""Converters of what JSON has itself, and of what it says as one text."""

from __future__ import annotations

import base64
import enum
import os

from . import texts
from .mismatch import Mismatch, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Converter = Callable[[Any], Any]


def converter(kind: type) -> Converter | None:
    """Return the converter of a class that is one value in JSON; None: it is not."""
    known = _KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")
    if known is not None:
        return known(kind)
    if issubclass(kind, enum.Enum):
        return _enumerated(kind)
    if any(base.__name__ == "PurePath" for base in kind.__mro__):
        return _text("path", kind)
    if kind is os.PathLike:
        from pathlib import Path

        return _text("path", Path)
    return None


def null(value: Any) -> None:
    """Raises Mismatch for all but null."""
    if value is not None:
        raise wanted("null", value)


def literal(allowed: Sequence[Any]) -> Converter:
    """One of these values, and of its type: 1 is not true."""
    exact = {(type(one), one): one for one in allowed}
    exact.update({(type(one.value), one.value): one for one in allowed if _is_member(one)})
    names = ", ".join(repr(one.value if _is_member(one) else one) for one in allowed)

    def convert(value: Any) -> Any:
        try:
            return exact[type(value), value]
        except (KeyError, TypeError):
            raise Mismatch(f"expected one of {names}") from None

    return convert


def name_of(annotation: Any) -> str:
    """How messages call a type."""
    if annotation in (None, type(None)):
        return "null"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def number_in(text: Any) -> float | None:
    """The number that a text is, or None."""
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            continue
    return None


def _is_member(value: Any) -> bool:
    return isinstance(value, enum.Enum)


def _exactly(kind: type) -> Converter:
    def convert(value: Any) -> Any:
        if type(value) is kind:
            return value
        raise wanted(kind.__name__, value)

    return convert


def _integer(kind: type) -> Converter:
    def convert(value: Any) -> int:
        if type(value) is int:
            return value
        if type(value) is float and value.is_integer():
            return int(value)  # JavaScript has no other numbers
        raise wanted("int", value)

    return convert


def _floating(kind: type) -> Converter:
    def convert(value: Any) -> float:
        if type(value) is float:
            return value
        if type(value) is int:
            return float(value)
        raise wanted("float", value)

    return convert


def _enumerated(kind: type[enum.Enum]) -> Converter:
    members = {(type(one.value), one.value): one for one in kind if _is_hashable(one.value)}
    names = ", ".join(repr(one.value) for one in kind)

    def convert(value: Any) -> Any:
        try:
            return members[type(value), value]
        except (KeyError, TypeError):
            raise Mismatch(f"expected {kind.__name__}, one of {names}") from None

    return convert


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _text(what: str, read: Callable[[str], Any]) -> Converter:
    def convert(value: Any) -> Any:
        if type(value) is not str:
            raise wanted(f"{what} (a string)", value)
        try:
            return read(value)
        except (ValueError, ArithmeticError):
            raise Mismatch(f"is no {what}") from None

    return convert


def _bytes(make: Callable[[bytes], Any]) -> Converter:
    return _text("base64", lambda text: make(base64.b64decode(text, validate=True)))


def _decimal(kind: type) -> Converter:
    of_text = _text("decimal number", kind)
    numbers = (int, float)
    return lambda value: of_text(str(value) if type(value) in numbers else value)


_KNOWN: dict[str, Callable[[Any], Converter]] = {
    "builtins.str": _exactly,
    "builtins.bool": _exactly,
    "builtins.int": _integer,
    "builtins.float": _floating,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "datetime.datetime": lambda kind: _text("date and time", texts.to_datetime),
    "datetime.date": lambda kind: _text("date", texts.to_date),
    "datetime.time": lambda kind: _text("time", texts.to_time),
    "datetime.timedelta": lambda kind: _text("duration", texts.to_timedelta),
    "uuid.UUID": lambda kind: _text("UUID", kind),
    "decimal.Decimal": _decimal,
}
"""By name, so that nothing is imported that the user's code does not use."""
