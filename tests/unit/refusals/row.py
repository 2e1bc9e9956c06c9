"""One wrong invocation and what it is answered with."""

import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NOBODY = "redis://127.0.0.1:1/0"
"""Port 1: nothing listens there."""

TOO_LARGE = "1" + 30 * "0"


class Row(NamedTuple):
    """A line as it is typed, without the program's name."""

    line: str
    words: str
    """Must stand on stderr, whatever their case."""
    code: int = 2

    @property
    def arguments(self) -> Sequence[str]:
        """Return the line as the program gets it."""
        return shlex.split(self.line)


def rows(*pairs: tuple[str, str]) -> list[Row]:
    """Return rows of usage errors."""
    return [Row(line, words) for line, words in pairs]


def spread(forms: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[Row]:
    """Return each pair for each form of a command, which has {} where the options go."""
    return [Row(form.format(part), words) for form in forms for part, words in pairs]
