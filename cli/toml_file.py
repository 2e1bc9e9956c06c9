"""Reads a TOML file into a struct, and says line and column of whatever is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from ..broker import private_files
from ..broker.errors import UsageError

_Kind = TypeVar("_Kind", bound=msgspec.Struct)

_HEADER: Final = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]")
_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(path: Path, kind: type[_Kind], *, is_private: bool = False) -> _Kind | None:
    """Return what a file says; None when there is none.

    Args:
        path: of the file.
        kind: what it should hold; says which keys are known.
        is_private: refuse it where others than its owner may read it.

    Raises:
        UsageError: it can't be read or understood; says where and what is allowed.
    """
    try:
        content = private_files.read(path) if is_private else path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as e:
        if path.is_symlink():
            raise UsageError(f"{path}: can't be read: a link to a file that does not exist") from e
        return None
    except OSError as e:
        raise UsageError(f"{path}: can't be read: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise UsageError(f"{path}: can't be read: it is not UTF-8 text") from e
    return parse(text, kind, str(path))


def parse(text: str, kind: type[_Kind], where: str) -> _Kind:
    """Return what a text of TOML says. Pure.

    Raises:
        UsageError: it can't be understood; names `where`, line and column.
    """
    import tomllib

    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"{where}, {_misspelled(str(e), text)}") from e
    for table, name, value in _strings(said):
        if any(ord(c) < 32 or ord(c) == 127 for c in value):
            at = place_of(text, table, name)
            raise UsageError(f"{where}, {at}: {name} has a tab or another control character in it")
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as e:
        raise UsageError(f"{where}, {_explained(str(e), text, kind)}") from e


class Place(msgspec.Struct, frozen=True):
    """Where something stands in a text, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def place_of(text: str, table: str, name: str) -> Place:
    """Return where a table sets a key, or where a table of this name begins. Pure.

    Args:
        text: of the file.
        table: dotted; empty for what stands outside of tables.
        name: of a key in it, or of a table below it.
    """
    key = re.compile(rf"\s*['\"]?({re.escape(name)})['\"]?\s*[=.]")
    whole = f"{table}.{name}" if table else name
    current = ""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.match(line):
            current = header[1].replace('"', "").replace("'", "").replace(" ", "")
            if current == whole or current.startswith(f"{whole}."):
                return Place(number, 1 + header.start(1))
        elif current == table and (found := key.match(line)):
            return Place(number, 1 + found.start(1))
    anywhere = re.compile(rf"(?<![\w-])({re.escape(name)})['\"]?\s*[=\].]")  # in an inline table
    for number, line in enumerate(lines, start=1):
        if found := anywhere.search(line):
            return Place(number, 1 + found.start(1))
    return Place(1, 1)


def _misspelled(problem: str, text: str) -> str:
    """Return a problem of the parser with its place in front."""
    found = _AT.search(problem)
    if found is None:
        return f"line 1, column 1: is not TOML: {problem}"
    lines = text.splitlines() or [""]
    at = Place(int(found[1]), int(found[2])) if found[1] else Place(len(lines), 1 + len(lines[-1]))
    return f"{at}: is not TOML: {problem[: found.start()]}"


def _strings(said: Mapping[str, Any], table: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the table, the name and the value of every text."""
    for name, value in said.items():
        if isinstance(value, str):
            yield table, name, value
        elif isinstance(value, dict):
            yield from _strings(value, f"{table}.{name}" if table else name)


def _explained(problem: str, text: str, kind: type[msgspec.Struct]) -> str:
    """Return where a problem that msgspec found lies, and what is allowed there."""
    path = found[1] if (found := re.search(r" - at `\$\.?([^`]*)`$", problem)) else ""
    if unknown := re.search(r"unknown field `([^`]*)`", problem):
        return _unknown(unknown[1], path, text, kind)
    if missing := re.search(r"missing required field `([^`]*)`", problem):
        return f"line 1, column 1: {missing[1]} is missing"
    table, _, name = path.rpartition(".")
    words = problem.split(" - at ")[0]
    return f"{place_of(text, table, name)}: {path}: {words[:1].lower()}{words[1:]}"


def _unknown(name: str, table: str, text: str, kind: type[msgspec.Struct]) -> str:
    allowed = _keys_of(kind, table)
    near = get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    where = f"in [{table}]" if table else "outside of a table"
    known = f"{hint}allowed: {', '.join(allowed)}"
    return f"{place_of(text, table, name)}: {name} is not known {where}; {known}"


def _keys_of(kind: type[msgspec.Struct], table: str) -> list[str]:
    """Return the names that a table may hold."""
    for part in filter(None, table.split(".")):
        kind = next(f.type for f in msgspec.structs.fields(kind) if f.encode_name == part)
    return [field.encode_name for field in msgspec.structs.fields(kind)]
