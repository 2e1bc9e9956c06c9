"""Requirements that are folders of the snapshot: they go on the import path."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import UsageError
from . import pyproject
from .wanted import Place, Wanted, source_root

_LOCAL: Final = re.compile(r"(?:[\w.-]+\s*@\s*)?(file:\S+|\.{1,2}(?:[/\\\[]|$)\S*|/\S+)")
_EXTRAS: Final = re.compile(r"\[([\w\s,.-]+)\]$")


def project(text: str, folder: Path) -> tuple[Path, tuple[str, ...]] | None:
    """Return the path and the extras of a requirement that is local, else None."""
    bare = text.partition(" ;")[0].partition(" --")[0].strip()
    found = _LOCAL.fullmatch(bare)
    if found is None and not re.search(r"[/\\]|\.(whl|zip|tar\.gz)$", bare.partition("[")[0]):
        return None
    if found is None and "://" in bare:
        return None
    path = found[1] if found else bare
    extras = _EXTRAS.search(path)
    plain = path[: extras.start()] if extras else path
    if plain.startswith("file:"):
        plain = unquote(urlsplit(plain).path)
    names = tuple(name.strip() for name in extras[1].split(",")) if extras else ()
    return folder / plain, names


def read(found: tuple[Path, tuple[str, ...]], place: Place, where: str) -> Wanted:
    """Return the import path of a local project and what its pyproject.toml states.

    Raises:
        UsageError: it is a built file, is missing, or lies outside of the snapshot.
    """
    path, extras = found[0].resolve(), found[1]
    if not path.exists():
        raise UsageError(f"{where}: {path} does not exist")
    if not path.is_dir():
        raise UsageError(f"{where}: {path.name} is a local file, which a worker can't install")
    if not path.is_relative_to(place.root):
        raise UsageError(f"{where}: {path} lies outside {place.root} and does not travel")
    roots = (place.relative(source_root(path)),)
    if (path / "pyproject.toml").is_file():
        stated = pyproject.dependencies(path / "pyproject.toml", extras=extras)
        return Wanted(
            requirements=stated.requirements,
            index_options=stated.index_options,
            python=stated.python,
            source_roots=roots,
        )
    unread = f"{where}: {path.name} has no pyproject.toml, so its own requirements are not known"
    return Wanted(source_roots=roots, warnings=(unread,))
