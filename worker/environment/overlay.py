"""The thin environment that one task sees: its own on top, the shared one below.

What the task imports is looked up in this order: the script's folder, the standard library, the
task's source roots, what it installed at run time, the shared environment, the sdk, the pip that
came with the interpreter. Its own code comes before installed packages because some wheels bring
a top-level `tests` or `utils`; it comes after the standard library, so that a file called
`queue.py` breaks nothing.

`pip install` at run time writes into this folder, and what it writes hides the shared version.
Nothing is spawned here, and all but five folders are links: it takes less than a millisecond.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from .cache import Environment
from .links import Shared
from .place import OVERLAYS
from .python import Interpreter
from .scripts import VARIABLE

_OWN_FOLDERS: Final = ("bin", "lib", "lib64", OVERLAYS)
_PIP: Final = b"""#!/bin/sh\nexec "${0%/*}/python" -m pip "$@"\n"""


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """How to start Python in it."""

    python: Path
    variables: dict[str, str]
    """To be set for the task, which must inherit none of the worker's PYTHON... variables."""


def overlay(
    env: Environment,
    folder: Path,
    *,
    source_roots: Sequence[Path],
    sdk: Path,
    path: str | None = None,
) -> Overlay:
    """Make the task's environment in a folder that does not exist yet.

    Args:
        env: the shared environment; held for as long as the task runs.
        folder: absolute; usually `<run folder>/venv`.
        source_roots: absolute; put on the import path in this order.
        sdk: the folder that holds `rq_agent/` and nothing else.
        path: the PATH to extend; None: the worker's own.
    """
    own = str(folder)
    for name in _folders(env.interpreter):
        os.mkdir(own + name)
    last = (str(sdk), *([str(env.pip)] if env.pip else []))
    roots = _literals(source_roots, folder.parent)
    shared = _shared(env.overlays, env.interpreter, str(env.site_packages), roots, last)
    for known, name in _links(env.interpreter):
        shared.link(known, own + name)
    for top, entries in _share(env.path):
        (folder / top).mkdir()
        for entry in entries:
            (folder / top / entry).symlink_to(env.path / top / entry)
    inherited = path if path is not None else os.environ.get("PATH", os.defpath)
    python = f"{own}/bin/python"
    return Overlay(
        python=Path(python),
        variables={
            "VIRTUAL_ENV": own,
            "PATH": os.pathsep.join([f"{own}/bin", f"{env.path}/bin", inherited]),
            "PYTHONUNBUFFERED": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            VARIABLE: python,
        },
    )


def read_only_paths(env: Environment) -> tuple[str, ...]:
    """Return what a task must not write to, whoever it runs as."""
    return str(env.path), str(env.overlays)


@lru_cache(64)
def _shared(
    parent: Path, interpreter: Interpreter, packages: str, roots: str, last: tuple[str, ...]
) -> Shared:
    """Return what all tasks with these roots have in common."""
    files = {
        "pyvenv.cfg": _configuration(interpreter).encode("utf-8", "surrogateescape"),
        "path": _import_path(packages, roots, last).encode("ascii"),
        "pip": _PIP,
    }
    links = {"python": interpreter.executable, "python3": "python", "lib64": "lib"}
    return Shared(parent, files, links)


def _configuration(interpreter: Interpreter) -> str:
    return (
        f"home = {Path(interpreter.executable).parent}\n"
        "include-system-site-packages = false\n"
        f"version = {interpreter.version}\n"
    )


def _literals(roots: Sequence[Path], beside: Path) -> str:
    """Return a tuple of Python expressions, the same for all run folders if roots lie in them."""
    parts = []
    for root in roots:
        if root.is_relative_to(beside):
            parts.append(f"join(run, {str(root.relative_to(beside))!a})")
        else:
            parts.append(f"{str(root)!a}")
    return f"({''.join(f'{part}, ' for part in parts)})"


def _import_path(packages: str, roots: str, last: Sequence[str]) -> str:
    """Return the .pth file that completes the import path.

    Python reads it twice in a virtual environment. It is one line, since only a line that begins
    with `import` is executed, and no module, since that one would be looked for and compiled at
    each start. ASCII literals carry paths of any bytes. addsitedir also reads the .pth files of
    the shared environment.
    """
    code = (
        "import site\n"
        "from os.path import dirname, join\n"
        "run = dirname(sys.prefix)\n"
        "own = (i for i, path in enumerate(sys.path) if path.startswith(sys.prefix))\n"
        "first = next(own, len(sys.path))\n"
        f"sys.path[first:first] = {roots}\n"
        f"site.addsitedir({packages!a}, set(sys.path))\n"
        f"sys.path += {last!a}\n"
    )
    return f"import sys; {packages!a} in sys.path or exec({code!a}, {{'sys': sys}})\n"


@lru_cache(8)
def _folders(interpreter: Interpreter) -> tuple[str, ...]:
    """Return the folders of an overlay, parents first. Strings, as each Path would cost 10 us."""
    packages = PurePosixPath(interpreter.site_packages)
    parents = [f"/{parent}" for parent in reversed(packages.parents[:-1])]
    return "", "/bin", *parents, f"/{packages}"


@lru_cache(8)
def _links(interpreter: Interpreter) -> tuple[tuple[str, str], ...]:
    """Return pairs of (name in Shared, place below the overlay)."""
    major, minor, *_ = interpreter.version.split(".")
    links = {
        "/pyvenv.cfg": "pyvenv.cfg",
        f"/{interpreter.site_packages}/_rq_agent.pth": "path",
        "/bin/python": "python",
        "/bin/python3": "python3",
        f"/bin/python{major}.{minor}": "python3",
        "/bin/pip": "pip",
        "/bin/pip3": "pip",
    }
    # Fedora's Python looks for compiled packages there.
    names = PurePosixPath(interpreter.site_packages).parts[1:-1]
    if Path(interpreter.executable).parent.parent.joinpath("lib64", *names).is_dir():
        links["/lib64"] = "lib64"
    return tuple((known, place) for place, known in links.items())


@lru_cache(64)
def _share(shared: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what packages look for below sys.prefix (`share/jupyter`, `etc`), one level deep.

    One level, so that the task can still add things of its own beside them.
    """
    tops = (top for top in shared.iterdir() if top.is_dir() and not top.is_symlink())
    return tuple(
        (top.name, tuple(entry.name for entry in top.iterdir()))
        for top in tops
        if top.name not in _OWN_FOLDERS
    )
