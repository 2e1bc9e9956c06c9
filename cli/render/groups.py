"""Names and values in lines, below a title. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .screen import printable

_WIDTH: Final = 13

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


def group(title: str, pairs: Fields) -> Iterator[str]:
    """Return a title and the lines below it; nothing where no value is there."""
    filled = list(lines(pairs))
    if filled:
        yield title
        yield from filled


def lines(pairs: Fields) -> Iterator[str]:
    """Return a line for each name whose value is not empty."""
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        if value:
            yield f"  {printable(name):<{_WIDTH}} {printable(value)}"
