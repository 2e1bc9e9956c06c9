"""Files in the format of pip: nested files are written out in place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from ..errors import UsageError
from . import local
from .lines import is_ourselves, normal_name, refuse_credentials, requirement
from .wanted import Place, Wanted, merged

_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_HASHES: Final = re.compile(r"((?:\s+--hash[= ]\S+)*)\s*$")
_OPTION: Final = re.compile(r"(--[a-z-]+|-[a-zA-Z])(?:\s*=\s*|\s*)(.*)")
_LONG: Final = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_URLS: Final = ("--index-url", "--extra-index-url", "--find-links")
_KEPT: Final = ("--no-index", "--no-binary", "--only-binary")
_UNUSED: Final = ("--pre", "--prefer-binary", "--require-hashes", "--trusted-host", "--use-feature")


class _Line(msgspec.Struct, frozen=True):
    text: str
    where: str
    folder: Path


class RequirementsFile:
    """Reads one file with all that it includes."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._parts: list[Wanted] = []
        self._constraints: list[str] = []

    def read(self, file: Path) -> Wanted:
        """Return what a requirements file states.

        Raises:
            UsageError: names the line that is malformed, can't travel or holds a password.
        """
        self._parts = []
        self._constraints = []
        self._include(file, ())
        return self._constrained(merged(self._parts))

    def _include(self, file: Path, outer: tuple[Path, ...], constrains: bool = False) -> None:
        if file in outer:
            raise UsageError(f"{file}: requirements files include each other in a circle")
        for line in _lines(file):
            if line.text.startswith("-"):
                self._option(line, (*outer, file), constrains)
            elif constrains:
                self._constraints.append(_checked(line))
            else:
                self._parts.append(_requirement(line, self._place))

    def _option(self, line: _Line, outer: tuple[Path, ...], constrains: bool) -> None:
        found = _OPTION.fullmatch(line.text)
        name, value = (found[1], found[2].strip("\"' ")) if found else (line.text, "")
        name = _LONG.get(name, name)
        if name in ("--requirement", "--constraint"):
            self._include(line.folder / value, outer, constrains or name == "--constraint")
        elif name == "--editable":
            self._parts.append(_requirement(msgspec.structs.replace(line, text=value), self._place))
        elif name in _URLS:
            self._parts.append(Wanted(index_options=(_index(name, value, line),)))
        elif name in _KEPT:
            self._parts.append(Wanted(index_options=(f"{name} {value}".strip(),)))
        elif name in _UNUSED:
            self._parts.append(Wanted(warnings=(f"{line.where}: {name} is not used",)))
        else:
            raise UsageError(f"{line.where}: {line.text!r} is no option of a requirements file")

    def _constrained(self, wanted: Wanted) -> Wanted:
        """Add the constraints on packages that are required; name those that bind nothing here."""
        required = {name for line in wanted.requirements if (name := _name(line))}
        binding = [line for line in self._constraints if _name(line) in required]
        others = [line for line in self._constraints if _name(line) not in required]
        lost = f"constraints on packages that no line requires are not used: {', '.join(others)}"
        extra = Wanted(requirements=tuple(binding), warnings=(lost,) if others else ())
        return merged([wanted, extra])


def _lines(file: Path) -> Iterator[_Line]:
    """Yield logical lines: comments gone, continued lines joined."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"can't read the requirements file {file}: {e}") from e
    start, joined = 0, ""
    for number, physical in enumerate(text.splitlines(), 1):
        start = start if joined else number
        if physical.endswith("\\") and not physical.lstrip().startswith("#"):
            joined += physical[:-1] + " "
            continue
        logical = _COMMENT.sub("", joined + physical).strip()
        joined = ""
        if logical:
            yield _Line(logical, f"{file}:{start}", file.parent)
    if joined.strip():
        yield _Line(joined.strip(), f"{file}:{start}", file.parent)


def _requirement(line: _Line, place: Place) -> Wanted:
    if (project := local.project(line.text, line.folder)) is not None:
        return local.read(project, place, line.where)
    return Wanted(requirements=(text,)) if (text := _checked(line)) else Wanted()


def _checked(line: _Line) -> str:
    """Return a requirement in its plain form, with its hashes; empty for ourselves."""
    hashes = _HASHES.search(line.text)
    assert hashes is not None  # it also matches nothing
    text = line.text[: hashes.start()].strip()
    if "://" in text and "@ " not in text.partition("://")[0]:
        refuse_credentials(text, line.where)  # a bare URL, which names no package
        return line.text
    parsed = requirement(text, line.where)
    return "" if is_ourselves(parsed) else " ".join([str(parsed), *hashes[1].split()])


def _index(option: str, value: str, line: _Line) -> str:
    if "://" not in value or value.startswith("file:"):
        raise UsageError(f"{line.where}: {option} {value} is a local path, which no worker has")
    refuse_credentials(value, line.where)
    return f"{option} {value}"


def _name(line: str) -> str:
    try:
        return normal_name(Requirement(line.partition(" --hash")[0]).name)
    except InvalidRequirement:
        return ""
