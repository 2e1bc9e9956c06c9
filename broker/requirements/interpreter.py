"""The submitter's Python: what is installed there, asked without importing any of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ..errors import UsageError

_ASK: Final = """
import json, site, sys
from importlib import metadata
if sys.prefix == sys.base_prefix:
    sys.path.append(site.getusersitepackages())
def modules(distribution):
    stated = (distribution.read_text("top_level.txt") or "").split()
    files = distribution.files or [] if wanted and not stated else []
    code = [f for f in files if f.suffix in (".py", ".so")]
    return wanted & {*stated, *(f.parts[0].split(".")[0] for f in code)}
wanted, found = set(sys.argv[1:]), {}
for distribution in metadata.distributions() if wanted else []:
    for module in modules(distribution):
        # Of two versions the first on the path is the one that is imported.
        name = distribution.metadata["Name"]
        origin = distribution.read_text("direct_url.json") or ""
        found.setdefault(module, {}).setdefault(name, [name, distribution.version, origin])
found = {module: [found[module][name] for name in sorted(found[module])] for module in found}
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "modules": found}))
"""
_TIMEOUT_S: Final = 60


class Distribution(msgspec.Struct, frozen=True, array_like=True):
    """One installed package."""

    name: str
    version: str
    origin: str
    """Its direct_url.json; empty when it came from an index."""


class Installed(msgspec.Struct, frozen=True):
    """What an interpreter told about itself."""

    python: str
    """Its minor version: `3.11`."""
    modules: dict[str, list[Distribution]]
    """Of the module names asked for, those that are installed."""


def find(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the interpreter that the person uses: active, the project's, on the PATH, or ours."""
    for folder in (environ.get("VIRTUAL_ENV"), environ.get("CONDA_PREFIX"), str(root / ".venv")):
        if folder and (python := Path(folder, "bin", "python")).is_file():
            return python
    for folder in environ.get("PATH", "").split(os.pathsep):
        python_path = shutil.which("python3", path=folder) if folder else None
        if python_path and Path(python_path).parent != Path(sys.executable).parent:
            return Path(python_path)
    return Path(sys.executable)


def ask(python: Path, names: Iterable[str]) -> Installed:
    """Return the version of an interpreter, and which distributions hold some modules."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _ASK, *sorted(names)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise UsageError(f"can't ask {python} what it has installed: {e}") from e
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise UsageError(
            f"can't ask {python} what it has installed; name packages with --requirements or "
            f"--with instead: {words}"
        )
    return msgspec.convert(json.loads(done.stdout), Installed)
