"""`[project]` of a pyproject.toml."""

from pathlib import Path

from ..errors import UsageError
from . import tables
from .lines import specifier
from .uv_table import with_sources
from .wanted import Place, Wanted, source_root

_NAME = "pyproject.toml"


def is_present(place: Place) -> bool:
    """Tell whether the nearest pyproject.toml states dependencies; many hold only settings."""
    file = place.nearest(_NAME)
    return file is not None and "dependencies" in tables.table(tables.read(file), "project")


def read(place: Place) -> Wanted:
    """Return the dependencies of the project that the script lies in."""
    file = place.nearest(_NAME)
    assert file is not None
    found = dependencies(file)
    return Wanted(
        requirements=found.requirements,
        index_options=found.index_options,
        python=found.python,
        source_roots=(place.relative(source_root(file.parent)),),
    )


def dependencies(file: Path, *, extras: tuple[str, ...] = ()) -> Wanted:
    """Return what one pyproject.toml states, with the optional groups named."""
    content = tables.read(file)
    project = tables.table(content, "project")
    needed = tables.strings(project.get("dependencies", []), f"{file}: project.dependencies")
    optional = tables.table(project, "optional-dependencies")
    for extra in extras:
        if extra not in optional:
            raise UsageError(f"{file}: no optional dependencies are called {extra!r}")
        needed = [*needed, *tables.strings(optional[extra], f"{file}: {extra}")]
    found = with_sources(needed, content, str(file))
    return Wanted(
        requirements=found.requirements,
        index_options=found.index_options,
        python=specifier(project.get("requires-python", ""), str(file)),
    )
