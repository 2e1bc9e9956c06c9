"""Describes a kind of JSON by the structs that it is made of."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Kind(msgspec.Struct, frozen=True):
    """One kind of JSON."""

    text: str
    """What it is, and which commands print it."""
    form: type[msgspec.Struct]
    """The whole object, without `schema`."""
    is_line: bool = False
    """There may be any number of them, each on a line of its own."""


def whole(form: type[msgspec.Struct], text: str, **more: Any) -> Kind:
    """Return the kind that has the fields of a struct, and more: their types by name."""
    return Kind(text, _extended(form, more))


def holding(text: str, **fields: Any) -> Kind:
    """Return the kind of objects with just these fields: their types by name."""
    return Kind(text, msgspec.defstruct("Document", list(fields.items()), kw_only=True))


def lines(form: type[msgspec.Struct], text: str, **more: Any) -> Kind:
    """Return the kind of which each is a line of its own."""
    return Kind(text, _extended(form, more), is_line=True)


def extended(form: type[msgspec.Struct], *, but: tuple[str, ...] = (), **more: Any) -> Any:
    """Return a struct like another one, without some fields, and with more: their types by name."""
    return _extended(form, more, but)


def some(form: Any) -> Any:
    """Return the type of a list of what extended() made."""
    return list[form]


def schema(name: str, kind: Kind) -> dict[str, Any]:
    """Return the JSON schema of a kind: all fields are always there, and others may come."""
    form = _extended(kind.form, {"schema": Literal[1]})
    made = msgspec.json.schema(form)
    parts: dict[str, Any] = made["$defs"]
    top = parts.pop(made["$ref"].rpartition("/")[2])
    for part in (top, *parts.values()):
        if "properties" in part:
            part["required"] = sorted(part["properties"])
    _explain(top, kind.form)
    for part, found in _structs(form, parts):
        _explain(part, found)
    described = f"{kind.text}. One object a line." if kind.is_line else f"{kind.text}."
    head = {"$schema": DIALECT, "title": name, "description": described}
    return {**head, **{k: v for k, v in top.items() if k not in head}, "$defs": parts}


def _extended(
    form: type[msgspec.Struct], more: dict[str, Any], but: tuple[str, ...] = ()
) -> type[msgspec.Struct]:
    without = {*but, *more}
    kept = [(f.name, f.type) for f in msgspec.structs.fields(form) if f.name not in without]
    made = msgspec.defstruct(
        form.__name__, [*more.items(), *kept], kw_only=True, namespace={"__doc__": form.__doc__}
    )
    _ORIGINS[made] = _ORIGINS.get(form, form)
    return made


_ORIGINS: Final[dict[type, type]] = {}
"""Structs made here -> those that were written down, which know what their fields mean."""


def _structs(
    form: type[msgspec.Struct], parts: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], type]]:
    """Yield the parts of a schema with the structs that they are of."""
    seen: set[type] = set()
    open_ = [form]
    while open_:
        for field in msgspec.structs.fields(open_.pop()):
            for found in _inside(field.type):
                if found not in seen:
                    seen.add(found)
                    open_.append(found)
    for found in seen:
        if found.__name__ in parts:
            yield parts[found.__name__], found


def _inside(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _inside(argument)


def _explain(part: dict[str, Any], form: type) -> None:
    """Say what the fields mean, as their struct does."""
    for name, text in _texts(_ORIGINS.get(form, form)).items():
        if name in part.get("properties", {}):
            part["properties"][name] = {**part["properties"][name], "description": text}


def _texts(form: type) -> dict[str, str]:
    """Return the lines below the fields of a class, by the names of the fields."""
    found: dict[str, str] = {}
    for base in reversed(form.__mro__):
        if base in (object, msgspec.Struct):
            continue
        try:
            [tree] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError):  # made at run time
            continue
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        found |= dict(_explained(field, below) for field, below in pairwise(body))
    return {name: text for name, text in found.items() if name}


def _explained(field: ast.stmt, below: ast.stmt) -> tuple[str, str]:
    """Return the name of a field and the text below it; empty ones where it is none."""
    match field, below:
        case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
            return name, inspect.cleandoc(text)
    return "", ""
