"""Looks into the script's sources for code that may still read parameters.

Only asked when an override is about to be refused, so it may cost milliseconds; it never decides
that a name is known, only whether to wait until the script ends before saying that it is not.
"""

from __future__ import annotations

import ast
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FILES = 500
_BY_NAME = frozenset({"import_module", "__import__", "run_path", "run_module"})
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv"})


class Survey:
    """What the sources mention."""

    __slots__ = ("has_argparse", "has_open_imports", "has_open_names", "has_sdk", "params_calls")

    def __init__(self) -> None:
        self.has_argparse = False
        self.has_sdk = False
        self.has_open_names = False  # a call of params whose names the source does not tell
        self.has_open_imports = False  # modules that the source does not name
        self.params_calls = 0

    @property
    def has_params(self) -> bool:
        """True if rq_agent.params may be called."""
        return self.has_sdk

    @property
    def has_later_readers(self) -> bool:
        """True if one call of rq_agent.params may not be the only reader."""
        is_open = self.has_open_imports or self.has_open_names
        return self.has_argparse or is_open or self.params_calls > 1


def survey(script: str) -> Survey:
    """Look through the script and the files of its own project that it imports."""
    found = Survey()
    roots = _own_roots()
    waiting, seen = [script], {script}
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop()
        tree = _parse(path)
        if tree is None:
            found.has_open_imports = True
            continue
        _look(tree, found)
        new = {one for one in _imported_files(tree, path, roots) if one not in seen}
        seen |= new
        waiting += sorted(new)
    if found.has_open_imports and not found.has_sdk:
        found.has_sdk = _is_sdk_mentioned_below(os.path.dirname(script))
    return found


def _is_sdk_mentioned_below(folder: str) -> bool:
    """True if any Python file of the project says rq_agent; modules may be loaded by name."""
    left = _MOST_FILES
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one not in _SKIPPED and one[0] != "."]
        for name in names:
            if left and name.endswith(".py"):
                left -= 1
                if b"rq_agent" in _read(os.path.join(place, name)):
                    return True
    return False


def _own_roots() -> list[str]:
    """The folders on sys.path that belong to the project, not to Python or an environment."""
    library = os.path.dirname(os.__file__)
    return [
        folder
        for folder in sys.path
        if os.path.isdir(folder)
        and not folder.startswith(library)
        and "site-packages" not in folder
    ]


def _parse(path: str) -> ast.Module | None:
    try:
        return ast.parse(_read(path))
    except (SyntaxError, ValueError):
        return None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""  # what we can't read, the script can't import


def _imported_files(tree: ast.Module, path: str, roots: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name, roots)
        elif isinstance(node, ast.ImportFrom):
            base = os.path.dirname(path)
            for _ in range(node.level - 1):
                base = os.path.dirname(base)
            places = [base] if node.level else roots
            for alias in node.names:
                yield from _files_of(f"{node.module or ''}.{alias.name}".lstrip("."), places)


def _files_of(module: str, roots: list[str]) -> Iterator[str]:
    """The files that importing a.b.c runs, in the first root that has any; not our own."""
    if module.split(".")[0] == "rq_agent":
        return
    for root in roots:
        found = False
        place = root
        for part in module.split("."):
            place = os.path.join(place, part)
            for file in (place + ".py", os.path.join(place, "__init__.py")):
                if os.path.isfile(file):
                    found = True
                    yield file
        if found:
            return


def _look(tree: ast.Module, found: Survey) -> None:
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    has_sdk = False
    for node in ast.walk(tree):
        names = _names_in(node)
        found.has_argparse |= "argparse" in names
        found.has_open_imports |= not names.isdisjoint(_BY_NAME)
        has_sdk |= "rq_agent" in names
    if not has_sdk:
        return
    found.has_sdk = True
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "params" in _names_in(node.func):
            found.params_calls += 1
            found.has_open_names |= not _has_fixed_names(node, constants)
        elif isinstance(node, ast.alias) and node.name == "params" and node.asname:
            found.has_open_names = True  # called by another name


def _names_in(node: ast.AST) -> set[str]:
    """The identifiers that one node itself says."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return set()


def _has_fixed_names(call: ast.Call, constants: set[str]) -> bool:
    """True for params({...}) and for params(DEFAULTS) with DEFAULTS = {...} in the same file."""
    if len(call.args) != 1:
        return False
    (argument,) = call.args
    if isinstance(argument, ast.Dict):
        return None not in argument.keys
    return isinstance(argument, ast.Name) and argument.id in constants
