"""Sources that can't be read yet: a clear word about what to do instead."""

from typing import NoReturn

from ..errors import UsageError
from .order import Source
from .wanted import Place

_NAMES = {
    Source.POETRY_LOCK: ("poetry.lock",),
    Source.CONDA: ("environment.yml", "environment.yaml"),
}
_INSTEAD = {
    Source.POETRY_LOCK: (
        "poetry.lock is not supported yet; export it (`poetry export -o requirements.txt`) and "
        "name the file with --requirements, or list [project] dependencies in pyproject.toml"
    ),
    Source.CONDA: (
        "conda environments are not supported yet; name what pip can install with "
        "--requirements FILE or --with PACKAGE, or in a `# /// script` header"
    ),
}


def is_present(source: Source, place: Place) -> bool:
    """Tell whether a file of this kind lies at the script or above it."""
    return any(place.nearest(name) for name in _NAMES[source])


def refuse(source: Source, place: Place) -> NoReturn:
    """Raise UsageError: the file is the first that states what to install, and can't be read."""
    file = next(file for name in _NAMES[source] if (file := place.nearest(name)))
    raise UsageError(f"{file}: {_INSTEAD[source]}")
