"""Finds the function that a task names: `package.module:function` or `/path/of/script.py:function`."""

from __future__ import annotations

import importlib
import os
import sys

from .near import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

_found: dict[str, Callable[..., Any]] = {}


class BadTarget(Exception):
    """There is no such function; the text is for the user."""


def resolve(target: str) -> Callable[..., Any]:
    """Return the function of a target, importing its module the first time.

    A task object of rq_agent (`@task`) gives the function that it was made of. What the module
    itself raises when it is imported comes through as it is: it is the user's error.

    Raises:
        BadTarget: no such module or function, or nothing that can be called.
    """
    found = _found.get(target)
    if found is None:
        found = _found[target] = _resolve(target)
    return found


def _resolve(target: str) -> Callable[..., Any]:
    place, colon, name = target.rpartition(":")
    if not (place and colon and name):
        raise BadTarget(f"{target!r} names no function; wanted: module:function")
    is_file = place.endswith(".py") or os.sep in place
    module = _load_file(place) if is_file else _load_module(place)
    found: Any = module
    for part in name.split("."):
        found = _attribute(found, part, place)
    if type(found).__module__.partition(".")[0] == "rq_agent" and hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    if isinstance(found, type):
        raise BadTarget(f"{name!r} of {place} is a class; name a function")
    if not callable(found):
        raise BadTarget(f"{name!r} of {place} is not a function but {_kind(found)}")
    return found  # type: ignore[no-any-return]


def _load_module(name: str) -> ModuleType:
    _put_on_path(os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        missing = e.name or ""
        if missing != name and not name.startswith(missing + "."):
            raise  # another one, that the user's code imports
        package = missing.rpartition(".")[0]
        if package in sys.modules and not hasattr(sys.modules[package], "__path__"):
            raise BadTarget(f"no module named {name!r}: {package!r} is no package") from None
        near = hint(missing, _modules_beside(missing))
        raise BadTarget(f"no module named {missing!r}{near}") from None


def _load_file(path: str) -> ModuleType:
    """Load a lone script under its own stem, never as `__main__`."""
    import importlib.util

    if not os.path.isfile(path):
        folder = os.path.dirname(path) or "."
        scripts = (one for one in _listed(folder) if one.endswith(".py"))
        near = hint(os.path.basename(path), scripts)
        raise BadTarget(f"there is no file {path}{near}")
    _put_on_path(os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    there = sys.modules.get(name)
    if there is not None:
        if _is_file_of(there, path):
            return there
        name = f"_rq_agent_task_{name}"  # `json.py` of the user must not be our `json`
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadTarget(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_file_of(module: ModuleType, path: str) -> bool:
    there = getattr(module, "__file__", None)
    return there is not None and os.path.realpath(there) == os.path.realpath(path)


def _put_on_path(folder: str) -> None:
    """Let the code import what lies beside it, as a script of its own could."""
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _attribute(owner: Any, name: str, place: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        names = (one for one in dir(owner) if one[0] != "_" and callable(getattr(owner, one, None)))
        near = hint(name, names)
        raise BadTarget(f"{place} has no function {name!r}{near}") from None


def _modules_beside(name: str) -> Iterable[str]:
    """The names that could stand in place of `name`: in its package, or in the project."""
    import pkgutil

    package, dot, _ = name.rpartition(".")
    where = list(getattr(sys.modules.get(package), "__path__", ())) if dot else [os.getcwd()]
    return [package + dot + one.name for one in pkgutil.iter_modules(where)]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _kind(value: object) -> str:
    name = type(value).__name__
    return ("an " if name[0] in "aeiou" else "a ") + name
