"""Writes what a function returned as JSON."""

from __future__ import annotations

import base64
import enum
import json
import os
import sys

from . import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NO_TEXT = (ValueError, TypeError, RecursionError)


class NotEncodable(ValueError):
    """What was returned has no JSON form; the text, for the user, names type and place."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"its result can't be encoded: {problem}")


def encode(value: Any) -> str:
    """Return the JSON text of a value; raises NotEncodable.

    Python's encoder, also where there is msgspec: that one writes null for NaN.
    """
    if value is None:
        return "null"
    if type(value) is int:
        return str(value)
    try:
        text = _encoder.encode(value)
        if not text.isascii():
            text.encode()  # lone surrogates are no text
    except _NO_TEXT as e:
        return _slowly(value, e)
    except Exception as e:  # any code of the user may stand behind a property
        raise NotEncodable(f"{type(e).__name__}: {e}") from e
    return text


def _slowly(value: Any, first: Exception) -> str:
    """Also convert the keys of objects; or find out what it is that has no form."""
    from . import unencodable

    try:
        text = _encoder.encode(unencodable.with_keys(value, simpler))
        text.encode()
    except unencodable.NoForm as e:
        raise NotEncodable(str(e)) from None
    except RecursionError:
        raise NotEncodable("it contains itself, or is nested too deeply") from None
    except Exception as e:  # noqa: BLE001  any code of the user may stand behind a property
        raise NotEncodable(f"{type(e).__name__}: {e}") from first
    return text


def simpler(value: Any) -> Any:
    """Return a value in simpler terms, that may need the same again; raises TypeError."""
    kind = type(value)
    known = _KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")
    if known is not None:
        return known(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(kind, "__struct_fields__"):
        return sys.modules["msgspec"].to_builtins(value, str_keys=True, enc_hook=simpler)
    if hasattr(kind, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(kind, "parse_obj") and hasattr(kind, "json"):
        return json.loads(value.json())  # pydantic before 2
    if hasattr(kind, "__dataclass_fields__"):
        return {one: getattr(value, one) for one in _fields(kind) if hasattr(value, one)}
    if hasattr(kind, "__attrs_attrs__"):
        return {one.name: getattr(value, one.name) for one in kind.__attrs_attrs__}
    raise TypeError(kind)


def _fields(kind: Any) -> list[str]:
    """Without the class variables."""
    fields = kind.__dataclass_fields__.items()
    return [name for name, one in fields if one._field_type.name == "_FIELD"]


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


_KNOWN: dict[str, Callable[[Any], Any]] = {
    "builtins.bytes": _base64,
    "builtins.bytearray": _base64,
    "builtins.memoryview": _base64,
    "datetime.datetime": texts.of_time,
    "datetime.time": texts.of_time,
    "datetime.date": lambda value: value.isoformat(),
    "datetime.timedelta": texts.of_timedelta,
    "uuid.UUID": str,
    "decimal.Decimal": str,
    "collections.deque": list,
    "builtins.mappingproxy": dict,
}

_encoder = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=simpler
)
