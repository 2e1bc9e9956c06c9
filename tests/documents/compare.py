"""Whether a command printed what a page shows, whatever ids, numbers and machines are."""

import re
from collections.abc import Sequence
from typing import Final

_ID: Final = re.compile(r"\b01[0-9a-z]{14}\b")
_COMMIT: Final = re.compile(r"\b[0-9a-f]{7,40}\b")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_UNIT: Final = re.compile(r"(?<=#) ?(?:ms|s|min|h|d|B|KiB|MiB|GiB)\b")


def missing(shown: Sequence[str], printed: str) -> list[str]:
    """Return the lines of a page that a command did not print, in order. Pure.

    `...` stands for any text; numbers with their units, ids and commits may be other ones.
    """
    rest = [_same(line) for line in printed.splitlines()]
    lost = []
    for line in shown:
        if line.strip() == "...":
            continue
        wanted = _pattern(line)
        found = next((n for n, each in enumerate(rest) if wanted.fullmatch(each)), None)
        if found is None:
            lost.append(line)
        else:
            rest = rest[found + 1 :]
    return lost


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _same(line).split("...")))


def _same(line: str) -> str:
    line = _COMMIT.sub(lambda m: "#" if m[0].strip("abcdef") else m[0], _ID.sub("#", line))
    return " ".join(_UNIT.sub("", _NUMBER.sub("#", line)).split())
