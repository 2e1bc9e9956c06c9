"""Find out what a script needs installed."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..definition import EnvironmentSpec
from ..errors import UsageError
from . import (
    flags,
    header,
    imported,
    interpreter,
    not_yet,
    pyproject,
    uv_lock,
)
from .order import Source, choose
from .requirements_file import RequirementsFile
from .wanted import Place, Wanted


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What to install, and what a person should know about it."""

    spec: EnvironmentSpec
    warnings: tuple[str, ...]


def find(
    script: Path,
    *,
    root: Path,
    workdir: Path,
    files: Sequence[Path] = (),
    packages: Sequence[str] = (),
    python: str = "",
) -> Found:
    """Return the requirements of a script, from the first source that states any.

    Args:
        script: relative to `workdir`, or absolute.
        root: top of what travels with the script; nothing above it is looked at.
        files: requirements files that a person named, relative to `workdir`.
        packages: requirements that a person named.
        python: version that a person named; outranks what a source states.

    Raises:
        UsageError: the source that counts is malformed or can't be met on another machine.
    """
    named = workdir / script
    place = Place(script=named.parent.resolve() / named.name, root=root.resolve())
    has_flags = bool(files or packages)
    source = choose(lambda source: _is_present(source, place, has_flags))
    if source is Source.FLAGS:
        wanted = flags.read(place, workdir=workdir, files=files, packages=packages)
    else:
        wanted = _read(source, place)
    if source is Source.IMPORTS and not wanted.requirements:
        source = Source.NONE
    spec = EnvironmentSpec(
        python=python or wanted.python or _submitters_python(place),
        requirements=wanted.requirements,
        index_options=wanted.index_options,
        source=source.value,
        source_roots=wanted.source_roots,
    )
    _check_limits(spec)
    return Found(spec=spec, warnings=wanted.warnings)


def _check_limits(spec: EnvironmentSpec) -> None:
    """Apply the limits that a worker will apply: here a person can still mend it."""
    try:
        msgspec.convert(msgspec.to_builtins(spec), EnvironmentSpec)
    except msgspec.ValidationError as e:
        longest = max((*spec.requirements, *spec.index_options), key=len, default="")
        raise UsageError(
            f"the requirements from {spec.source} do not fit a definition: {e}; "
            f"the longest line has {len(longest)} characters: {longest[:60]}..."
        ) from e


def _is_present(source: Source, place: Place, has_flags: bool) -> bool:
    match source:
        case Source.FLAGS:
            return has_flags
        case Source.HEADER:
            return header.is_present(place)
        case Source.UV_LOCK:
            return uv_lock.is_present(place)
        case Source.PYPROJECT:
            return pyproject.is_present(place)
        case Source.REQUIREMENTS_TXT:
            return place.nearest(source.value) is not None
        case Source.POETRY_LOCK | Source.CONDA:
            return not_yet.is_present(source, place)
        case _:
            return False


def _read(source: Source, place: Place) -> Wanted:
    match source:
        case Source.HEADER:
            return header.read(place)
        case Source.UV_LOCK:
            return uv_lock.read(place)
        case Source.PYPROJECT:
            return pyproject.read(place)
        case Source.REQUIREMENTS_TXT:
            file = place.nearest(source.value)
            assert file is not None
            return RequirementsFile(place).read(file)
        case Source.POETRY_LOCK | Source.CONDA:
            not_yet.refuse(source, place)
        case _:
            return imported.read(place, interpreter.find(place.root))


def _submitters_python(place: Place) -> str:
    return interpreter.ask(interpreter.find(place.root), ()).python
