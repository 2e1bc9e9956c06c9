"""What a person names on the command line."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from .lines import is_ourselves, requirement
from .requirements_file import RequirementsFile
from .wanted import Place, Wanted, merged


def read(place: Place, *, workdir: Path, files: Sequence[Path], packages: Sequence[str]) -> Wanted:
    """Return the lines of the files and the packages named."""
    parts = []
    for file in files:
        if not (workdir / file).is_file():
            raise UsageError(f"requirements file not found: {file}")
        parts.append(RequirementsFile(place).read(workdir / file))
    named = [requirement(package, "--with") for package in packages]
    lines = tuple(str(package) for package in named if not is_ourselves(package))
    return merged([*parts, Wanted(requirements=lines)])
