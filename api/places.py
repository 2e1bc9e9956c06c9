"""Where a worker finds a function: the file, the name of its module, its own name."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from ..broker.definition import Function
from ..broker.errors import UsageError
from ..broker.snapshot.module import Module
from ..sdk.task import Task

_MAINS: Final = ("__main__", "__mp_main__")
"""The program itself; as a process of multiprocessing sees it."""
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One function of this program."""

    script: Path
    """Its file."""
    module: Module | None
    """None: a lone script, that workers load by its file."""
    function: Function

    @property
    def top(self) -> Path:
        """The folder that the names of modules begin in."""
        return self.module.top if self.module else self.script.parent


def place_of(task: Task[..., Any, Any]) -> Place:
    """Return where a worker finds the function of a task.

    Raises:
        UsageError: it would find none, or another one; says what to do.
    """
    function: Callable[..., Any] = task.__wrapped__
    name = getattr(function, "__qualname__", "")
    if not name.isidentifier():
        raise UsageError(
            f"{name or function!r} can't be a task: workers look for functions by their names at"
            " the top of a module, not in functions and classes"
        )
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if module is None or not file or not Path(file).is_file():
        raise UsageError(f"{name} can't be a task: it stands in no file that could travel")
    found = getattr(module, name, None)
    if getattr(found, "__wrapped__", found) is not function and found is not function:
        raise UsageError(f"{name} can't be a task: {module.__name__}.{name} is something else")
    script = Path(file).resolve()
    if _INSTALLED.intersection(script.parts):
        raise UsageError(
            f"{name} can't be a task: {module.__name__} is an installed package, which does not"
            " travel; call it from a function of your own"
        )
    kind = "coroutine" if task.is_coroutine else "process"
    return Place(
        script=script,
        module=_module_of(module, script),
        function=Function(name=name, kind=kind),  # type: ignore[arg-type]
    )


def _module_of(module: ModuleType, script: Path) -> Module | None:
    """Return the module as workers import it; None where only its file says where it is."""
    name = module.__name__
    if name in _MAINS:
        _check_guard(script)
        spec = getattr(module, "__spec__", None)
        name = spec.name if spec is not None else ""  # python -m package.module
    path = script.parent if script.name == "__init__.py" else script.with_suffix("")
    parts = tuple(name.split("."))
    if path.parts[-len(parts) :] != parts:
        return None
    return Module(name=name, script=script, top=path.parents[len(parts) - 1])


def _check_guard(script: Path) -> None:
    """Refuse a script that would submit anew wherever it is imported."""
    tree = ast.parse(script.read_bytes())
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            return
    raise UsageError(
        f"{script.name} submits a function of its own, so workers import it and would submit"
        ' again: put what starts it below `if __name__ == "__main__":`'
    )
