"""Read TOML; errors name file, line and column."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from ..errors import UsageError

_Shape = TypeVar("_Shape")
_POSITION: Final = re.compile(r"line (\d+), column (\d+)")


def read(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"can't read {path}: {e}") from e
    return parse(text, str(path))


def parse(text: str, name: str, *, line: int = 1, column: int = 0) -> dict[str, Any]:
    """Return the tables of a text that starts on a line, and so far right, in a file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        problem, _, position = str(e).partition(" (at ")
        found = _POSITION.match(position)
        lines = text.splitlines() or [""]
        row, at = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
        where = f"{name}:{row + line - 1}:{at + column}"
        raise UsageError(f"{where}: broken TOML: {problem}") from e


def table(tables: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a table within tables; empty if there is none."""
    for name in names:
        inner = tables.get(name)
        tables = inner if isinstance(inner, dict) else {}
    return tables


def strings(value: object, where: str) -> list[str]:
    """Check that a value is a list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{where} must be a list of strings")
    return value


def shaped(tables: object, shape: type[_Shape], where: str) -> _Shape:
    """Return tables as a struct; UsageError names the value of a wrong type."""
    try:
        return msgspec.convert(tables, shape)
    except msgspec.ValidationError as e:
        raise UsageError(f"{where}: {e}") from e
