"""Modules that a person names as for `python -m`: where their file is, and what its name is below."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import msgspec

from ..errors import UsageError

_NAME: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
FOLDERS: Final = (".", "src")
"""Where packages lie in most projects, from where the person stands."""


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module that can be run."""

    name: str
    script: Path
    """Its file; of a package, that of its `__main__`."""
    top: Path
    """The folder that its name begins in; it must be on the import path of the task."""


def find_module(name: str, *, workdir: Path) -> Module:
    """Return where a module is.

    Args:
        name: dotted, as for `python -m`.
        workdir: where the person stands.

    Raises:
        UsageError: there is none of this name, or it can't be run.
    """
    if name.endswith(".py") or "/" in name:
        raise UsageError(f"-m {name}: that is a file; leave out -m, or write its name: pkg.mod")
    if not _NAME.fullmatch(name):
        raise UsageError(f"-m {name}: not the name of a module; write it like pkg.mod")
    for folder in FOLDERS:
        top = workdir / folder
        path = top.joinpath(*name.split("."))
        for script in (path.with_name(f"{path.name}.py"), path / "__main__.py"):
            if script.is_file():
                return Module(name=name, script=script, top=top)
        if (path / "__init__.py").is_file():
            raise UsageError(f"-m {name}: that package has no __main__.py, so it can't be run")
    raise UsageError(f"-m {name}: no such module in {workdir} or its src{near(name, workdir)}")


def below(top: Path, root: Path, name: str) -> str:
    """Return the folder of a module's name relative to what travels.

    Raises:
        UsageError: that folder does not travel: a package without a repository or project.
    """
    if not top.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            f"{name}: a package travels from a git repository, or from a folder with a"
            " pyproject.toml or requirements.txt; make one where you stand"
        )
    return top.resolve().relative_to(root.resolve()).as_posix()


def near(name: str, workdir: Path) -> str:
    """Return a hint at a module of nearly this name, as the end of an error; empty without one."""
    first, _, last = name.rpartition(".")
    known: set[str] = set()
    for folder in FOLDERS:
        place = (workdir / folder).joinpath(*first.split("."))
        known |= {path.stem for path in place.glob("*.py")}
        known |= {path.parent.name for path in place.glob("*/__main__.py")}
    near = get_close_matches(last, sorted(known), n=1)
    whole = f"{first}.{near[0]}" if first and near else "".join(near)
    return f"; did you mean {whole}?" if near else ""
