"""The parts of a uv.lock that we look at ourselves; uv reads the rest."""

from pathlib import Path

import msgspec

from . import tables


class Wheel(msgspec.Struct, frozen=True):
    """A built file; one of the three names where it lies."""

    hash: str = ""
    url: str = ""
    path: str = ""
    filename: str = ""


class PackageSource(msgspec.Struct, frozen=True):
    """Where a package comes from; one of them is set."""

    registry: str | None = None
    editable: str | None = None
    virtual: str | None = None


class Package(msgspec.Struct, frozen=True):
    """One locked package."""

    name: str = ""
    source: PackageSource = PackageSource()
    wheels: list[Wheel] = []


class Lock(
    msgspec.Struct, frozen=True, rename={"packages": "package", "python": "requires-python"}
):
    """A uv.lock."""

    packages: list[Package] = []
    python: str = ""


def read(file: Path) -> Lock:
    """Return a uv.lock; UsageError if it is none."""
    return tables.shaped(tables.read(file), Lock, str(file))
