"""Converters of classes with fields: dataclasses, NamedTuple, TypedDict, msgspec, pydantic."""

from __future__ import annotations

import sys
import typing

from .mismatch import Mismatch, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Converter = Callable[[Any], Any]
    Making = Callable[[Any], Converter]  # of an annotation

_MISSING = object()


def converter(kind: type, of: Making) -> Converter | None:
    """Return the converter of a class with fields; None: it is not of a kind we know."""
    if hasattr(kind, "__struct_fields__"):
        return lambda value: by_msgspec(kind, value, of)
    if hasattr(kind, "model_validate_json") or hasattr(kind, "parse_obj"):
        return _pydantic(kind)
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass(kind, of)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple(kind, of)
    if issubclass(kind, dict) and hasattr(kind, "__required_keys__"):
        return _typed_dict(kind, of)
    return None


def has_msgspec() -> bool:
    """Whether the environment of the task has it."""
    if "msgspec" in sys.modules:
        return sys.modules["msgspec"] is not None
    try:
        import msgspec  # noqa: F401
    except ImportError:
        return False
    return True


def by_msgspec(annotation: Any, value: Any, of: Making) -> Any:
    """Convert by its rules, and by ours what it does not know; raises Mismatch."""
    import msgspec

    try:
        return msgspec.convert(
            value, annotation, str_keys=True, dec_hook=lambda kind, inner: of(kind)(inner)
        )
    except (msgspec.ValidationError, TypeError) as e:
        raise Mismatch(str(e)) from None


def fixed_tuple(items: Sequence[Converter]) -> Converter:
    """A tuple of so many items, each of its own type."""

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise wanted("an array", value)
        if len(value) != len(items):
            raise Mismatch(f"expected {len(items)} items, got {len(value)}")
        return tuple(_at(f"[{i}]", item, value[i]) for i, item in enumerate(items))

    return convert


def _at(step: str, convert: Converter, value: Any) -> Any:
    try:
        return convert(value)
    except Mismatch as e:
        raise e.inside(step) from None


def _hints(kind: type) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001  names that only type checkers see, and any code of the user
        return {}


def _lazily(kind: type, of: Making) -> Callable[[], Mapping[str, Converter]]:
    """The converters of the fields, made at the first value: a class may contain itself."""
    made: dict[str, Converter] = {}

    def fields() -> Mapping[str, Converter]:
        if not made:
            made.update({name: of(_bare(hint)) for name, hint in _hints(kind).items()})
        return made

    return fields


def _bare(hint: Any) -> Any:
    """The type in `Required[...]`, `NotRequired[...]` and `ReadOnly[...]`."""
    while getattr(typing.get_origin(hint), "_name", "") in ("Required", "NotRequired", "ReadOnly"):
        hint = typing.get_args(hint)[0]
    return hint


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise wanted("an object", value)
    return value


def _dataclass(kind: Any, of: Making) -> Converter:
    fields = _lazily(kind, of)
    asked = [
        (one.name, _has_no_default(one)) for one in kind.__dataclass_fields__.values()
        if one.init and one._field_type.name == "_FIELD"
    ]  # fmt: skip

    def convert(value: Any) -> Any:
        given, types, found = _object(value), fields(), {}
        for name, is_required in asked:
            one = given.get(name, _MISSING)
            if one is not _MISSING:
                found[name] = _at(f".{name}", types[name], one) if name in types else one
            elif is_required:
                raise Mismatch(f"field {name!r} is missing")
        return _make(kind, found)

    return convert


def _has_no_default(field: Any) -> bool:
    missing = sys.modules["dataclasses"].MISSING
    return field.default is missing and field.default_factory is missing


def _make(kind: Any, fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except (TypeError, ValueError) as e:
        raise Mismatch(str(e)) from None  # what its own __post_init__ checks


def _named_tuple(kind: Any, of: Making) -> Converter:
    fields = _lazily(kind, of)
    names: tuple[str, ...] = kind._fields
    least = len(names) - len(kind._field_defaults)

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise wanted("an array", value)
        if not least <= len(value) <= len(names):
            raise Mismatch(f"expected {least} to {len(names)} items, got {len(value)}")
        types = fields()
        pairs = zip(names, value)  # noqa: B905  strict= needs 3.10; it may be shorter
        return kind(*(_at(f".{n}", types[n], one) if n in types else one for n, one in pairs))

    return convert


def _typed_dict(kind: Any, of: Making) -> Converter:
    fields = _lazily(kind, of)

    def convert(value: Any) -> Any:
        given, types = _object(value), fields()
        for name in kind.__required_keys__:
            if name not in given:
                raise Mismatch(f"key {name!r} is missing")
        return {n: _at(f"[{n!r}]", one, given[n]) for n, one in types.items() if n in given}

    return convert


def _pydantic(kind: Any) -> Converter:
    """By its own methods; as JSON where it can, since a strict model tells the two apart."""

    def convert(value: Any) -> Any:
        try:
            if not hasattr(kind, "model_validate_json"):
                return kind.parse_obj(value)
            import json

            return kind.model_validate_json(json.dumps(value))
        except ValueError as e:
            raise Mismatch(str(e)) from None

    return convert
