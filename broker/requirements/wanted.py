"""What every source is asked, and what it answers."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..errors import UsageError


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a script lies. All absolute."""

    script: Path
    root: Path
    """Top of what travels with the script."""

    def nearest(self, name: str) -> Path | None:
        """Return the file of this name that is nearest to the script, upwards to the root."""
        for folder in (self.script.parent, *self.script.parent.parents):
            if (file := folder / name).is_file():
                return file
            if folder == self.root:
                return None
        return None

    def relative(self, path: Path) -> str:
        """Return a path as the snapshot knows it; UsageError if it does not travel."""
        path = path.resolve()
        if not path.is_relative_to(self.root):
            raise UsageError(f"{path} lies outside {self.root} and does not travel with the script")
        return path.relative_to(self.root).as_posix()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What one source states; the fields are those of EnvironmentSpec."""

    requirements: tuple[str, ...] = ()
    index_options: tuple[str, ...] = ()
    python: str = ""
    source_roots: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def merged(parts: Sequence[Wanted]) -> Wanted:
    """Return all parts as one, in order and each line once; the first Python stated counts."""
    return Wanted(
        requirements=_once([line for part in parts for line in part.requirements]),
        index_options=_once([line for part in parts for line in part.index_options]),
        python=next((part.python for part in parts if part.python), ""),
        source_roots=_once([root for part in parts for root in part.source_roots]),
        warnings=_once([text for part in parts for text in part.warnings]),
    )


def source_root(project: Path) -> Path:
    """Return the folder of a project that its packages are imported from."""
    src = project / "src"
    has_modules = any(src.glob("*.py")) or any(src.glob("*/*.py"))
    return src if has_modules else project


def _once(lines: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))
