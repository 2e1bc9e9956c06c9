"""The thin environment that one task sees: its own on top, the shared one below.

What the task imports is looked up in this order: the script's folder, the standard library, the
task's source roots, what it installed at run time, the shared environment, the sdk, the pip that
came with the interpreter. Its own code comes before installed packages because some wheels bring a top-level `tests` or `utils`; it comes
after the standard library, so that a file called `queue.py` breaks nothing.

`pip install` at run time writes into this folder, and what it writes hides the shared version.
Nothing is spawned here: it takes about a millisecond.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from .cache import Environment
from .scripts import VARIABLE

_OWN_FOLDERS: Final = ("bin", "lib", "lib64")


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
    packages = folder / env.interpreter.site_packages
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    if (env.path / "lib64").is_symlink():
        (folder / "lib64").symlink_to("lib")
    (folder / "pyvenv.cfg").write_text(_configuration(env), "utf-8")
    (packages / "_rq_agent.pth").write_text("import _rq_agent_path\n", "ascii")
    (packages / "_rq_agent_path.py").write_text(_import_path(env, source_roots, sdk), "ascii")
    _programs(folder / "bin", env)
    _share_files(folder, env.path)
    inherited = path if path is not None else os.environ.get("PATH", os.defpath)
    python = folder / "bin" / "python"
    return Overlay(
        python=python,
        variables={
            "VIRTUAL_ENV": str(folder),
            "PATH": os.pathsep.join([str(folder / "bin"), str(env.path / "bin"), inherited]),
            "PYTHONUNBUFFERED": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            VARIABLE: str(python),
        },
    )


def read_only_paths(env: Environment) -> tuple[str, ...]:
    """Return what a task must not write to, whoever it runs as."""
    return (str(env.path),)


def _configuration(env: Environment) -> str:
    return (
        f"home = {Path(env.interpreter.executable).parent}\n"
        "include-system-site-packages = false\n"
        f"version = {env.interpreter.version}\n"
    )


def _import_path(env: Environment, source_roots: Sequence[Path], sdk: Path) -> str:
    """Return the module that completes the import path.

    It is a module since Python reads a .pth file twice in a virtual environment. ASCII literals
    carry paths of any bytes. addsitedir also reads the .pth files of the shared environment.
    """
    roots = [str(root) for root in source_roots]
    last = [str(sdk), *filter(None, [env.interpreter.pip_wheel])]
    return (
        "import site\n"
        "import sys\n"
        "own = (i for i, path in enumerate(sys.path) if path.startswith(sys.prefix))\n"
        "first = next(own, len(sys.path))\n"
        f"sys.path[first:first] = {roots!a}\n"
        f"site.addsitedir({str(env.site_packages)!a})\n"
        f"sys.path.extend({last!a})\n"
    )


def _programs(folder: Path, env: Environment) -> None:
    python = folder / "python"
    python.symlink_to(env.interpreter.executable)
    major, minor, *_ = env.interpreter.version.split(".")
    for name in ("python3", f"python{major}.{minor}"):
        (folder / name).symlink_to("python")
    for name in ("pip", "pip3"):
        text = f'#!/bin/sh\nexec {shlex.quote(str(python))} -m pip "$@"\n'
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)


def _share_files(folder: Path, shared: Path) -> None:
    """Link what packages look for below sys.prefix (`share/jupyter`, `etc`), one level deep.

    One level, so that the task can still add things of its own beside them.
    """
    for top in shared.iterdir():
        if top.is_dir() and not top.is_symlink() and top.name not in _OWN_FOLDERS:
            (folder / top.name).mkdir()
            for entry in top.iterdir():
                (folder / top.name / entry.name).symlink_to(entry)
