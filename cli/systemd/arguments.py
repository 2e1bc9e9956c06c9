"""Options of a command as the words that say them."""

from dataclasses import MISSING, Field, fields
from typing import Any

from ..options import option_names


def words_of(options: Any) -> list[str]:
    """Return the words for an option class's values that are not the default ones. Pure."""
    found: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        if value != _default(field):
            found += _words(type(options).__annotations__[field.name], value)
    return found


def _words(annotation: Any, value: Any) -> list[str]:
    long = next(n for n in option_names(annotation.__metadata__[0]) if n.startswith("--"))
    if isinstance(value, bool):
        on, _, off = long.partition("/")
        return [on if value else off]
    if isinstance(value, list):
        return [f"{long}={each}" for each in value]
    return [f"{long}={value}"]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
