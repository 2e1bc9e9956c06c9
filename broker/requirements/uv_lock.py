"""uv.lock, exported by uv itself: exact versions with hashes."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from ..errors import UsageError
from . import hashes, local, tables, uv_lock_form
from .lines import is_ourselves, requirement, specifier
from .uv_lock_form import Lock
from .uv_table import index_options
from .wanted import Place, Wanted, merged, source_root

_NAME: Final = "uv.lock"
_EXPORT: Final = (
    *("export", "--frozen", "--offline", "--no-emit-project", "--no-header", "--no-annotate"),
    *("--no-progress", "--color", "never", "--format", "requirements.txt"),
)


def is_present(place: Place) -> bool:
    """Tell whether a uv.lock lies at the script or above it."""
    return place.nearest(_NAME) is not None


def read(place: Place) -> Wanted:
    """Return what the lock pins for the project or workspace member that the script lies in."""
    file = place.nearest(_NAME)
    assert file is not None
    lock = uv_lock_form.read(file)
    project = _project(place, file.parent, lock)
    left_out = hashes.useless(lock)
    lines = [hashes.without(line, left_out) for line in _exported(project, file)]
    parts = [_part(line, place, file) for line in lines]
    pinned = merged([part for part in parts if part is not None])
    return Wanted(
        requirements=pinned.requirements,
        index_options=tuple(_indexes(lock, file)),
        python=specifier(lock.python, str(file)),
        source_roots=merged(
            [Wanted(source_roots=(place.relative(source_root(project)),)), pinned]
        ).source_roots,
        warnings=pinned.warnings,
    )


def _exported(project: Path, file: Path) -> list[str]:
    import uv

    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        [uv.find_uv_bin(), *_EXPORT, "--project", str(project)],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UsageError(f"{file}: uv could not export it: {done.stderr.strip()}")
    joined = re.sub(r"\s*\\\n\s*", " ", done.stdout)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def _part(line: str, place: Place, file: Path) -> Wanted | None:
    text = line.removeprefix("-e ")
    if (found := local.project(text, file.parent)) is not None:
        path = found[0].resolve()
        if not path.is_dir():
            raise UsageError(f"{file}: {path.name} is a local file, which a worker can't install")
        # Its requirements are in the export already.
        return Wanted(source_roots=(place.relative(source_root(path)),))
    parsed = requirement(line.partition(" --hash")[0], str(file))
    if is_ourselves(parsed):
        return None
    is_private = parsed.url is not None and parsed.url.startswith("git+ssh")
    note = f"{file}: {parsed.name} comes by ssh; each worker needs a key for {parsed.url}"
    return Wanted(requirements=(line,), warnings=(note,) if is_private else ())


def _project(place: Place, top: Path, lock: Lock) -> Path:
    """Return the folder of the workspace member that the script lies in; else the top."""
    sources = [package.source for package in lock.packages]
    paths = [path for source in sources if (path := source.editable or source.virtual)]
    members = {(top / path).resolve() for path in paths}
    above = (place.script.parent, *place.script.parent.parents)
    return next((folder for folder in above if folder in members), top)


def _indexes(lock: Lock, file: Path) -> list[str]:
    """Return options for the indexes that packages of the lock come from.

    The one that the project does not name is the default of uv, and of each worker.
    """
    settings = file.parent / "pyproject.toml"
    named = index_options(tables.read(settings), str(settings)) if settings.is_file() else []
    used = {(package.source.registry or "").rstrip("/") for package in lock.packages}
    return [option for option in named if option.split()[1].rstrip("/") in used]
