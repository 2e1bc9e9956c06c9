"""Which modules a script imports, read from its text: nothing is executed."""

import ast
import sys
import warnings
from pathlib import Path

import msgspec


class Imports(msgspec.Struct, frozen=True, kw_only=True):
    """Top-level names that a script and the local modules behind it import."""

    local: frozenset[Path]
    """Files of modules beside the script, or below one of the other folders searched."""
    foreign: frozenset[str]
    """Names that are neither local nor in the standard library, nor `rq_agent`."""
    unread: tuple[Path, ...]
    """Files that are no valid Python, so that their imports are not known."""


def scan(script: Path, *, folders: tuple[Path, ...]) -> Imports:
    """Follow the imports of a script through the modules that lie in some folders."""
    waiting, seen = [script], {script}
    foreign: set[str] = set()
    unread: list[Path] = []
    while waiting:
        file = waiting.pop()
        names = _imported(file)
        if names is None:
            unread.append(file)
            continue
        for name in sorted(names - {"rq_agent", "__main__"}):
            found = _files_of(name, folders)
            if not found and name not in sys.stdlib_module_names:
                foreign.add(name)
            waiting.extend(set(found) - seen)
            seen.update(found)
    return Imports(
        local=frozenset(seen - {script}), foreign=frozenset(foreign), unread=tuple(unread)
    )


def imports_a_sibling(script: Path) -> bool:
    """Tell whether a script imports a module or package that lies beside it."""
    names = _imported(script) or set()
    return any(_files_of(name, (script.parent,)) for name in names - {script.stem})


def _imported(file: Path) -> set[str] | None:
    """Return the top-level names that a file imports; None if it can't be parsed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _files_of(name: str, folders: tuple[Path, ...]) -> list[Path]:
    """Return the files of a local module or package; all of a package's, at any depth."""
    for folder in folders:
        if (module := folder / f"{name}.py").is_file():
            return [module]
        if (folder / name).is_dir() and (files := sorted((folder / name).rglob("*.py"))):
            return files
    return []
