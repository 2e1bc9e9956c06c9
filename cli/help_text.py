"""How help is laid out: sections of options and commands, then examples. Pure."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_BREAK: Final = re.compile(r"(?<=[^:;,.])[:;,.](?= |$)")
EVERYWHERE: Final = "Options of every command"
OWN: Final = "Options"
_MANY: Final = 20
"""A command with more options shows them in panels."""


def summary(text: str, limit: int) -> str:
    """Return the first sentence of a help text, or as many of its whole parts as fit."""
    sentence = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
    if (end := sentence.find(". ")) > 0:
        sentence = sentence[:end]
    sentence = sentence.removesuffix(".")
    if len(sentence) <= limit:
        return sentence
    ends = [found.start() for found in _BREAK.finditer(sentence) if found.start() <= limit]
    return sentence[: ends[-1]] if ends else f"{sentence[: limit - 3].rstrip()}..."


def grouped(
    parameters: Sequence[Any], panels: Mapping[str, str], everywhere: Sequence[str]
) -> dict[str, list[Any]]:
    """Return options by the title of their section, in the order of the help.

    Args:
        parameters: of a command.
        panels: titles by the names of parameters; others are plain options. Only used by commands
            that have many.
        everywhere: names of the options that each command has.
    """
    panels = panels if len(parameters) > _MANY else {}
    found: dict[str, list[Any]] = {title: [] for title in (OWN, *panels.values())}
    last: dict[str, list[Any]] = {EVERYWHERE: []}
    for parameter in parameters:
        if parameter.param_type_name != "option":
            continue
        if parameter.name in everywhere:
            last[EVERYWHERE].append(parameter)
        else:
            found[panels.get(parameter.name, OWN)].append(parameter)
    return {title: options for title, options in {**found, **last}.items() if options}
