"""Commands that start fast: typer converts every value with pydantic, whose import takes 60 ms.

All of our options are texts, lists of texts or flags; values.py makes numbers of them. Such
values need no conversion, so that typer's own is left for the few that do.
"""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _Quick:
    """Makes a command of typer take plain values as they are."""

    def get_params(self, context: Any) -> list[Any]:
        """Return the parameters, `--help` among them, which typer adds late."""
        parameters: list[Any] = super().get_params(context)  # type: ignore[misc]
        for parameter in parameters:
            if not isinstance(parameter.process_value, _PlainValues):
                parameter.process_value = _PlainValues(parameter)
        return parameters


class QuickCommand(_Quick, TyperCommand):
    """A command."""


class QuickGroup(_Quick, TyperGroup):
    """A group of commands."""


class _PlainValues:
    """Stands in for a parameter's conversion, and calls it for what is not plain."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter
        self._convert = parameter.process_value

    def __call__(self, context: Any, value: Any) -> Any:
        if not value and not self._parameter.required:
            return value
        if value and self._parameter.callback is None and _is_plain(value):
            return list(value) if isinstance(value, tuple) else value
        return self._convert(context, value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, (str, bool))
