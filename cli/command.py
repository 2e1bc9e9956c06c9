"""Makes a command of a function: its options from option classes, its errors as exit codes."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final

import typer

from .options import Common
from .reporting import guarded

_CONTEXT: Final = "typer_context"
_KIND: Final = inspect.Parameter.KEYWORD_ONLY

Body = Callable[..., int | None]


def command(body: Body) -> Callable[..., int]:
    """Return a function for typer that runs `body` and returns its exit code.

    A parameter of `body` whose type is an option class stands for all the options of the class.
    """

    def run(**values: Any) -> int:
        context: typer.Context = values.pop(_CONTEXT)
        given = _gathered(body, values)
        common = given["common"] = _merged(given["common"], context.find_root().obj)
        return guarded(lambda: body(**given), verbose=common.verbose)

    return _shaped(run, body)


def root(body: Body) -> Callable[..., None]:
    """Return a function for typer that keeps the common options for the command that follows."""

    def keep(**values: Any) -> None:
        context: typer.Context = values.pop(_CONTEXT)
        context.obj = _gathered(body, values)["common"]

    return _shaped(keep, body)


def _groups(body: Body) -> Mapping[str, Any]:
    """Return the option classes that a body takes, by the names of its parameters."""
    found = inspect.signature(body).parameters.values()
    return {p.name: p.annotation for p in found if is_dataclass(p.annotation)}


def _gathered(body: Body, values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a body: options of one class put together."""
    for name, group in _groups(body).items():
        values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})
    return values


def _shaped(run: Callable[..., Any], body: Body) -> Callable[..., Any]:
    """Give `run` the signature that typer makes options of."""
    groups = _groups(body)
    parameters = [inspect.Parameter(_CONTEXT, _KIND, annotation=typer.Context)]
    for parameter in inspect.signature(body).parameters.values():
        group = groups.get(parameter.name)
        parameters += [parameter.replace(kind=_KIND)] if group is None else _parameters(group)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__name__ = body.__name__
    run.__doc__ = body.__doc__
    return run


def _parameters(group: Any) -> list[inspect.Parameter]:
    """Return one parameter for each field of an option class."""
    return [
        inspect.Parameter(each.name, _KIND, annotation=each.type, default=_default(each))
        for each in fields(group)
    ]


def _default(option: Field[Any]) -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()


def _merged(after: Common, before: Common | None) -> Common:
    """Return the options after the command's name, completed by the ones before it."""
    if before is None:
        return after
    names = [each.name for each in fields(Common)]
    return Common(**{name: getattr(after, name) or getattr(before, name) for name in names})
