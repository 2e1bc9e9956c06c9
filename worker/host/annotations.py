"""Annotations that are texts (`from __future__ import annotations`), as what they mean."""

from __future__ import annotations

import functools
import sys
import typing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    """Return the type; `Any` for one that is not there at run time."""
    if annotation is None:
        return type(None)
    holder = type("holder", (), {"__annotations__": {"one": annotation}})
    names = _names(function)
    try:
        return typing.get_type_hints(holder, names, names, include_extras=True)["one"]
    except Exception:  # noqa: BLE001  any code may stand in an annotation; a task may not need it
        return typing.Any


def _names(function: Callable[..., Any]) -> dict[str, Any]:
    """The global names where the function was written."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not hasattr(function, "__globals__") and not hasattr(function, "__func__"):
            module = sys.modules.get(type(function).__module__)
            return {} if module is None else vars(module)
        else:
            inner = getattr(function, "__func__", function)
            return dict(inner.__globals__)
