"""Imports of a script and of the local modules behind it, pinned as the submitter has them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ..snapshot.imports import Imports, scan
from . import interpreter
from .interpreter import Distribution
from .lines import normal_name
from .wanted import Place, Wanted, merged


def read(place: Place, python: Path) -> Wanted:
    """Return a pinned line for each distribution that the script imports from."""
    folders = (place.script.parent, place.root, place.root / "src")
    imports = scan(place.script, folders=tuple(dict.fromkeys(folders)))
    installed = interpreter.ask(python, imports.foreign)
    missing = sorted(imports.foreign - installed.modules.keys())
    notes = [
        f"{name} is imported, but {python} has no such package; the task may fail"
        for name in missing
    ]
    notes += [f"{path} is no valid Python, so its imports are not known" for path in imports.unread]
    parts = [pinned(d) for name in sorted(installed.modules) for d in installed.modules[name]]
    roots = Wanted(
        python=installed.python,
        source_roots=_source_roots(imports, place),
        warnings=tuple(notes),
    )
    return merged([roots, *parts])


def pinned(distribution: Distribution) -> Wanted:
    """Return the line that installs what the submitter has; a warning if nothing can."""
    if normal_name(distribution.name) == "rq-agent":
        return Wanted()
    if distribution.origin:
        return _from_origin(distribution, json.loads(distribution.origin))
    # A local part (+cu121) names a build that only one index has.
    public = re.sub(r"\+.*$", "", distribution.version)
    return Wanted(requirements=(f"{distribution.name}=={public}",))


def _from_origin(distribution: Distribution, origin: Mapping[str, object]) -> Wanted:
    url, vcs = str(origin.get("url", "")), origin.get("vcs_info")
    if isinstance(vcs, dict) and not url.startswith("file:"):
        address = f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
        return Wanted(requirements=(f"{distribution.name} @ {address}",))
    if url.startswith("file:"):
        note = (
            f"{distribution.name} is installed from {url}, which does not travel; put it into "
            "the script's own folder or name a package with --with"
        )
        return Wanted(warnings=(note,))
    return Wanted(requirements=(f"{distribution.name} @ {url}",))


def _source_roots(imports: Imports, place: Place) -> tuple[str, ...]:
    """Return the folders that local modules come from, unless Python looks there by itself."""
    roots = set()
    for file in imports.local:
        if not file.is_relative_to(place.script.parent):
            roots.add("src" if file.is_relative_to(place.root / "src") else ".")
    return tuple(sorted(roots))
