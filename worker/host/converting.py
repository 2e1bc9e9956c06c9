"""Makes of an annotation a function that turns a JSON value into what is annotated.

The table of types stands in `calling`. Converters are made once per annotation of a function.
"""

from __future__ import annotations

import collections.abc
import typing

from . import scalars, structured
from .mismatch import Mismatch, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Converter = Callable[[Any], Any]

_LISTS = {
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
}
_DICTS = {dict, collections.abc.Mapping, collections.abc.MutableMapping}
_SETS = {set: set, collections.abc.Set: set, collections.abc.MutableSet: set, frozenset: frozenset}
_EXACT = (bool, int, float, type(None))


def converter(annotation: Any) -> Converter:
    """Return what converts; it raises Mismatch."""
    if annotation is None or annotation is type(None):
        return scalars.null
    if isinstance(annotation, (str, typing.ForwardRef)) or annotation in (typing.Any, object):
        return as_it_is  # a name that only exists for type checkers, too
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None:
        return _of_form(annotation, origin, inner)
    if isinstance(annotation, type):
        return _of_class(annotation)
    plainer = getattr(annotation, "__supertype__", None) or getattr(annotation, "__value__", None)
    if plainer is not None:  # NewType; `type X = ...`
        return converter(plainer)
    if isinstance(annotation, typing.TypeVar):
        return converter(annotation.__bound__ or object)
    return _foreign(annotation)


def as_it_is(value: Any) -> Any:
    """Of what is not annotated, or by nothing that there is at run time."""
    return value


def _of_form(annotation: Any, origin: Any, inner: tuple[Any, ...]) -> Converter:
    """Of what has a form like `list[int]` or `int | None`."""
    if _is_union(origin):
        return _one_of(inner)
    if origin is typing.Literal:
        return scalars.literal(inner)
    if _is_annotated(annotation):
        has_rules = any(type(one).__module__.startswith("msgspec") for one in inner[1:])
        return _foreign(annotation) if has_rules else converter(inner[0])
    if origin in _LISTS:
        return _listed(_each(inner[0]), list)
    if origin in _SETS:
        return _listed(_each(inner[0]), _SETS[origin])
    if origin in _DICTS:
        return _mapped(*inner)
    if origin is tuple:
        return _tuple(inner)
    return _of_class(origin) if isinstance(origin, type) else _foreign(annotation)


def _is_annotated(annotation: Any) -> bool:
    return hasattr(annotation, "__metadata__")


def _is_union(origin: Any) -> bool:
    return origin is typing.Union or getattr(origin, "__qualname__", "") == "UnionType"


def _of_class(kind: type) -> Converter:
    if kind in _LISTS:
        return _listed(list, list)
    if kind in _SETS:
        return _listed(list, _SETS[kind])
    if kind in _DICTS:
        return _mapped(typing.Any, typing.Any)
    if kind is tuple:
        return _listed(list, tuple)
    return scalars.converter(kind) or structured.converter(kind, converter) or _foreign(kind)


def _foreign(annotation: Any) -> Converter:
    """Of all that we know nothing of: msgspec's, where the environment has it."""

    def convert(value: Any) -> Any:
        if isinstance(annotation, type) and _is_instance(value, annotation):
            return value
        if not structured.has_msgspec():
            name = scalars.name_of(annotation)
            raise Mismatch(f"{name} can't be made of JSON here; a dataclass could")
        return structured.by_msgspec(annotation, value, converter)

    return convert


def _is_instance(value: Any, kind: type) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:
        return False  # a protocol, that can't tell


def _each(annotation: Any) -> Callable[[Iterable[Any]], list[Any]]:
    item = converter(annotation)

    def convert(values: Iterable[Any]) -> list[Any]:
        found: list[Any] = []
        try:
            for value in values:
                found.append(item(value))  # noqa: PERF401  its length is where it failed
        except Mismatch as e:
            raise e.inside(f"[{len(found)}]") from None
        return found

    return convert


def _listed(items: Callable[[Any], list[Any]], make: Callable[[list[Any]], Any]) -> Converter:
    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise wanted("an array", value)
        found = items(value)
        try:
            return found if make is list else make(found)
        except TypeError as e:
            raise Mismatch(str(e)) from None  # what can't be in a set

    return convert


def _tuple(inner: tuple[Any, ...]) -> Converter:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return _listed(_each(inner[0]), tuple)
    if inner == ((),):
        inner = ()  # Python 3.10 and before, of tuple[()]
    return structured.fixed_tuple([converter(one) for one in inner])


def _mapped(key_annotation: Any, value_annotation: Any) -> Converter:
    key, item = _key(key_annotation), converter(value_annotation)

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise wanted("an object", value)
        found = {}
        for name, one in value.items():
            try:
                found[key(name)] = item(one)
            except Mismatch as e:
                raise e.inside(f"[{name!r}]") from None
        return found

    return convert


def _key(annotation: Any) -> Converter:
    """Keys of JSON are texts: `{"1": ...}` is what `dict[int, ...]` looks like there."""
    convert = converter(annotation)

    def of_text(text: Any) -> Any:
        try:
            return convert(text)
        except Mismatch:
            number = scalars.number_in(text)
            if number is None:
                raise
            return convert(number)

    return of_text


def _one_of(members: tuple[Any, ...]) -> Converter:
    """The member that has exactly the type, else the first, from the left, that accepts."""
    exact = {_plain(one) for one in members} & {*_EXACT}
    converters = [converter(one) for one in members if one not in (None, type(None))]
    names = " or ".join(scalars.name_of(one) for one in members)

    def convert(value: Any) -> Any:
        if type(value) in exact:
            return value
        problems = []
        for one in converters:
            try:
                return one(value)
            except Mismatch as e:
                problems.append(e)
        if len(problems) == 1:
            raise problems[0]  # it says more: `int | None`
        raise wanted(names, value)

    return convert


def _plain(annotation: Any) -> Any:
    return type(None) if annotation is None else annotation
