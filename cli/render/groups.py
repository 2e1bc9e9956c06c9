"""Names and values in lines, below a title. Pure."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .screen import printable

_WIDTH: Final = 13
_INDENT: Final = _WIDTH + 3
_NARROWEST: Final = 2 * _INDENT

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


def fitted(texts: Iterable[str]) -> Iterator[str]:
    """Return lines such as the above, long values wrapped below themselves on a terminal."""
    if not sys.stdout.isatty():
        yield from texts
        return
    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    for text in texts:
        indent = " " * _INDENT if text.startswith("  ") else ""
        if len(text) <= width:
            yield text
        else:
            yield from textwrap.wrap(
                text, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
            )
