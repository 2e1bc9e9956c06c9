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


class Survey:
    """What the sources mention."""

    __slots__ = ("has_argparse", "has_open_ends", "params_calls")

    def __init__(self) -> None:
        self.has_argparse = False
        self.has_open_ends = False  # names, or imports, that can't be read from the source
        self.params_calls = 0

    @property
    def has_params(self) -> bool:
        """True if rq_agent.params may be called."""
        return self.params_calls > 0 or self.has_open_ends

    @property
    def has_later_readers(self) -> bool:
        """True if one call of rq_agent.params may not be the only reader."""
        return self.has_argparse or self.has_open_ends or self.params_calls > 1


def survey(script: str) -> Survey:
    """Look through the script and the files of its own project that it imports."""
    found = Survey()
    roots = _own_roots()
    waiting, seen = [script], {script}
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop()
        tree = _parse(path)
        if tree is None:
            found.has_open_ends = True
            continue
        _look(tree, found)
        new = {one for one in _imported_files(tree, path, roots) if one not in seen}
        seen |= new
        waiting += sorted(new)
    return found


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
        with open(path, "rb") as file:
            return ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None


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
        found.has_open_ends |= not names.isdisjoint({"import_module", "__import__", "run_path"})
        has_sdk |= "rq_agent" in names
    if not has_sdk:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "params" in _names_in(node.func):
            found.params_calls += 1
            found.has_open_ends |= not _has_fixed_names(node, constants)
        elif isinstance(node, ast.alias) and node.name == "params" and node.asname:
            found.has_open_ends = True  # called by another name


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
