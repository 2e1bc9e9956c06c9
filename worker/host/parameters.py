"""What is known of the parameters of one function: which there are, and how each is converted."""

from __future__ import annotations

import inspect
import math
import sys

from .mismatch import Mismatch
from .near import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Converter = Callable[[Any], Any]

_MOST_CHARACTERS = 190
"""Of a message, if its problem leaves room: lists of tasks show no more."""
_LEAST_SHOWN = 60
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_REST, _OTHERS = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


class WrongArguments(TypeError):
    """Arguments that a function can't take; the text, for the user, names its signature."""


class Parameters:
    """Found out once for each function, so that a call is cheap."""

    def __init__(self, function: Callable[..., Any]) -> None:
        signature = _signature(function)
        all_of_them = list(signature.parameters.values())
        self._name = _name(function)
        self._signature = signature
        self._placed = [one.name for one in all_of_them if one.kind in _PLACED]
        self._named = {one.name for one in all_of_them if one.kind in _NAMED}
        self._required = [one.name for one in all_of_them if _is_required(one)]
        named_by_kind = {one.kind: one.name for one in all_of_them}
        self._rest = named_by_kind.get(_REST)
        self._others = named_by_kind.get(_OTHERS)
        self._converters = _converters(function, all_of_them)
        is_by_place = not self._converters and all(one in self._placed for one in self._required)
        self._least = len(self._required) if is_by_place else math.inf
        self._most = math.inf if self._rest else len(self._placed)

    def fits_as_it_is(self, count: int) -> bool:
        """Whether so many positional arguments need neither another look nor a conversion."""
        return self._least <= count <= self._most

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Check and convert; raises WrongArguments."""
        problem = self._problem(args, kwargs)
        if problem:
            raise self._wrong(problem)
        if not self._converters:
            return list(args), kwargs
        place = ""
        placed, named = [], {}
        of = self._converters.get
        names = self._placed[: len(args)]
        names += [self._rest or ""] * (len(args) - len(names))
        try:
            for place, one in zip(names, args):  # noqa: B905  strict= needs 3.10
                convert = of(place)
                placed.append(one if convert is None else convert(one))
            for place, one in kwargs.items():
                convert = of(place if place in self._named else self._others)
                named[place] = one if convert is None else convert(one)
        except Mismatch as e:
            raise self._wrong(f"argument {place}{e.place}: {e.problem}") from None
        return placed, named

    def _wrong(self, problem: str) -> WrongArguments:
        most = max(_LEAST_SHOWN, _MOST_CHARACTERS - len(problem))
        return WrongArguments(f"{_cut(self._name + _shown(self._signature), most)}: {problem}")

    def _problem(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        if len(args) > self._most:
            return f"takes at most {self._most} positional arguments, got {len(args)}"
        placed = self._placed[: len(args)]
        for name in kwargs:
            if name not in self._named:
                if not self._others:
                    return f"has no parameter {name!r}{hint(name, self._named)}"
            elif name in placed:
                return f"got two values for {name!r}"
        missing = [one for one in self._required if one not in placed and one not in kwargs]
        return "missing " + ", ".join(map(repr, missing)) if missing else ""


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Of what has none (some functions in C): one that takes anything, since they check it."""
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            forward = annotationlib.Format.FORWARDREF  # a name may be there for type checkers only
            return inspect.signature(function, annotation_format=forward)
        return inspect.signature(function)
    except (TypeError, ValueError):
        takes_anything = [inspect.Parameter("args", _REST), inspect.Parameter("kwargs", _OTHERS)]
        return inspect.Signature(takes_anything)


def _is_required(parameter: inspect.Parameter) -> bool:
    has_default = parameter.default is not inspect.Parameter.empty
    return not has_default and parameter.kind not in (_REST, _OTHERS)


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _shown(signature: inspect.Signature) -> str:
    try:
        return str(signature.replace(parameters=[_plain(p) for p in signature.parameters.values()]))
    except Exception:  # noqa: BLE001  any code of the user may stand behind a repr of a default
        return f"({', '.join(signature.parameters)})"


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without quotes around an annotation that is a text."""
    if isinstance(parameter.annotation, str):
        return parameter.replace(annotation=_Text(parameter.annotation))
    return parameter


class _Text:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 4] + "...)"


def _converters(
    function: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> dict[str | None, Converter]:
    """By the name of the parameter; only of those whose annotation asks for something."""
    annotated = [one for one in parameters if one.annotation is not inspect.Parameter.empty]
    if not annotated:
        return {}
    from . import annotations, converting  # functions without annotations never pay for it

    found: dict[str | None, Converter] = {}
    for one in annotated:
        convert = converting.converter(annotations.evaluated(one.annotation, function))
        if convert is not converting.as_it_is:
            found[one.name] = _or_null(convert) if one.default is None else convert
    return found


def _or_null(convert: Converter) -> Converter:
    return lambda value: None if value is None else convert(value)
