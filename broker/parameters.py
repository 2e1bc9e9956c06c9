"""The parameters of a function as its text says, and whether arguments fit them. Pure."""

import ast
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, Final

import msgspec

from .errors import UsageError

_KEPT: Final = frozenset({"task", "staticmethod"})
"""Decorators that leave the parameters as they are; others may do anything."""

_MOST_SHOWN: Final = 300


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What a function takes."""

    words: str
    """As its text says: `async def ask(n: int, *, fast=False)`."""
    signature: Signature | None
    """None: a decorator may have changed it, so only the call itself can tell."""

    def check(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise UsageError if a call with these arguments could not even begin.

        Args:
            name: of the function, as the person wrote it.
            args: positional arguments.
            kwargs: keyword arguments.
        """
        if self.signature is None:
            return
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as e:
            raise UsageError(f"{name}: {e}; it is {self.words}") from e


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Parameters:
    """Return the parameters of a function."""
    if isinstance(function, ast.Lambda):
        return Parameters(
            words=f"lambda {_text(function.args)}", signature=_signature(function.args)
        )
    kind = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    is_known = all(_name_of(decorator) in _KEPT for decorator in function.decorator_list)
    return Parameters(
        words=f"{kind} {function.name}({_text(function.args)})",
        signature=_signature(function.args) if is_known else None,
    )


def _text(arguments: ast.arguments) -> str:
    try:
        words = ast.unparse(arguments)
    except RecursionError:  # of a default that is a sum of a thousand numbers
        words = "..."
    return words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}…"


def _name_of(decorator: ast.expr) -> str:
    """Return the last part of a decorator's name: `task` for `@rq_agent.task(queue="q")`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _signature(arguments: ast.arguments) -> Signature:
    named: list[tuple[str, Any]] = [
        (a.arg, Parameter.POSITIONAL_ONLY) for a in arguments.posonlyargs
    ]
    named += [(a.arg, Parameter.POSITIONAL_OR_KEYWORD) for a in arguments.args]
    first_default = len(named) - len(arguments.defaults)
    found = [
        Parameter(name, kind, default=None if n >= first_default else Parameter.empty)
        for n, (name, kind) in enumerate(named)
    ]
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        usual = Parameter.empty if default is None else None
        found.append(Parameter(argument.arg, Parameter.KEYWORD_ONLY, default=usual))
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(found)
