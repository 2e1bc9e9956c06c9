"""Functions that a person names: `pkg.mod:func`, `bot.py:func`, or `bot.py` for its async main.

They are looked up in the text of their files: nothing is imported, so what is wrong is told at
once, and no code of the user runs where it was only submitted.
"""

import ast
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from . import call_arguments
from .definition import Function
from .errors import UsageError
from .parameters import Parameters, parameters_of
from .snapshot.module import FOLDERS, Module, near
from .top_names import Binding, top_names

MAIN: Final = "main"

_MODULE: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_MOST_HOPS: Final = 8
"""From an import to the file that it names."""


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """One function that can be called by a task."""

    function: Function
    script: Path
    """Its file."""
    module: Module | None
    """None: the file is a script, imported under its stem."""
    parameters: Parameters

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """Return the text of a call with these arguments; empty for none.

        Raises:
            UsageError: they don't fit, or are no JSON.
        """
        name = self.function.name
        self.parameters.check(name, args, kwargs)
        try:
            return call_arguments.encode(args, kwargs) if args or kwargs else ""
        except ValueError as e:
            raise UsageError(f"{name}: {e}") from e


def is_function(target: str) -> bool:
    """Return whether a person named a function, and not a script."""
    where, _, name = target.rpartition(":")
    return bool(where and _NAME.fullmatch(name))


def find_function(target: str, *, workdir: Path) -> Called:
    """Return the function that was named as `pkg.mod:func` or `bot.py:func`.

    Args:
        target: what was named.
        workdir: where the person stands.

    Raises:
        UsageError: there is none, or it can't be called by a task.
    """
    where, _, name = target.rpartition(":")
    if not where or not _NAME.fullmatch(name):
        raise UsageError(f"{target}: write a function like pkg.mod:func or bot.py:func")
    if where.endswith(".py") or "/" in where:
        script, module = Path(where), None
        _check_script(workdir / script, where)
    else:
        module = _module(where, workdir=workdir)
        script = module.script
    definition = _Search(workdir).function(workdir / script, name, where)
    kind, parameters = _kind(definition, target), parameters_of(definition)
    return Called(
        function=Function(name=name, kind=kind), script=script, module=module, parameters=parameters
    )


def main_of(script: Path, *, workdir: Path) -> Called | None:
    """Return the `async def main` at the top of a script; None: it has none, so it is a program.

    Raises:
        UsageError: the script can't be read, or is no Python.
    """
    _check_script(workdir / script, str(script))
    found = top_names(workdir / script, named=str(script)).get(MAIN)
    if not isinstance(found, ast.AsyncFunctionDef):
        return None
    return find_function(f"{script}:{MAIN}", workdir=workdir)


def _check_script(path: Path, named: str) -> None:
    if path.is_dir():
        raise UsageError(f"{named} is a directory; name the script inside it")
    if not path.is_file():
        raise UsageError(f"script not found: {named}")


def _module(name: str, *, workdir: Path) -> Module:
    if not _MODULE.fullmatch(name):
        raise UsageError(f"{name}: not the name of a module; write it like pkg.mod")
    for folder in FOLDERS:
        top = workdir / folder
        if (file := _file_of(name, top)) is not None:
            return Module(name=name, script=file, top=top)
    raise UsageError(f"{name}: no such module in {workdir} or its src{near(name, workdir)}")


def _file_of(name: str, top: Path) -> Path | None:
    path = top.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _kind(found: "_Callable", target: str) -> Literal["coroutine", "process"]:
    own = found.body if isinstance(found.body, list) else [found.body]
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(own)):
        raise UsageError(f"{target} is a generator: a task returns one result; return a list")
    return "coroutine" if isinstance(found, ast.AsyncFunctionDef) else "process"


def _own_nodes(body: list[Any]) -> list[ast.AST]:
    """Return the nodes of a function, without those of functions and classes within it."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found


_Callable = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class _Search:
    """Finds where a function is defined, through the imports between the person's own files."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._hops = 0

    def function(self, file: Path, name: str, named: str) -> _Callable:
        """Return the definition that a name of a file leads to; `named`: for errors."""
        names = top_names(file, named=named)
        if name not in names:
            raise UsageError(f"{named} has no function {name}{_like(name, names)}")
        found, problem = names[name], ""
        match found:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return found
            case ast.ClassDef():
                problem = "is a class; name a function"
            case ast.ImportFrom():
                return self._imported(found, file, name, named)
            case ast.Import():
                problem = "is a module; name a function"
            case ast.Assign(value=ast.Call(args=[ast.Name(id=inner)])) if inner != name:
                return self._next(file, inner, named)  # func = task(_func)
            case _:
                problem = f"is bound on line {found.lineno}, but not by def; name a function"
        raise UsageError(f"{named}: {name} {problem}")

    def _imported(self, found: ast.ImportFrom, file: Path, name: str, named: str) -> _Callable:
        [there] = [alias.name for alias in found.names if name in (alias.asname, alias.name)][-1:]
        module = found.module or ""
        tops = [file.parent, *(self._workdir / folder for folder in FOLDERS)]
        if found.level:
            tops = list(file.parents)[found.level - 1 : found.level]
        files = [_file_of(module, top) if module else top / "__init__.py" for top in tops]
        source = next((each for each in files if each is not None and each.is_file()), None)
        if source is None:
            whence = "." * found.level + module
            raise UsageError(
                f"{named}: {name} is imported from {whence}, which is not among your files;"
                " write a function of your own that calls it"
            )
        return self._next(source, there, f"{named}, by way of {source.name}")

    def _next(self, file: Path, name: str, named: str) -> _Callable:
        self._hops += 1
        if self._hops > _MOST_HOPS:
            raise UsageError(f"{named}: {name} is imported in a circle")
        return self.function(file, name, named)


def _like(name: str, names: dict[str, Binding]) -> str:
    functions = [n for n, b in names.items() if isinstance(b, _Callable | ast.ImportFrom)]
    found = get_close_matches(name, functions, n=1)
    return f"; did you mean {found[0]}?" if found else ""
