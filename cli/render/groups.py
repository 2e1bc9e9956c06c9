"""Names and values in lines, below a title. Pure."""

import shutil
import sys
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
        yield from folded(text, width, indent=_INDENT if text.startswith("  ") else 0)


def folded(text: str, width: int, *, indent: int) -> list[str]:
    """Return a line in lines that fit, all but the first one indented; wide characters count two."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    if cell_len(text) <= width:
        return [text]
    start = len(text) - len(text.lstrip())
    [first, *_] = Text(text[start:]).wrap(Console(), width - start)
    rest = Text(text[start + len(first.plain) :].lstrip()).wrap(Console(), width - indent)
    folds = [line.plain.rstrip() for line in rest if line.plain.strip()]
    return [text[:start] + first.plain.rstrip(), *(" " * indent + line for line in folds)]
