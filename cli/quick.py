"""Commands that start fast: typer converts every value with pydantic, whose import takes 60 ms.

All of our options are texts, lists of texts or flags; values.py makes numbers of them. Such
values need no conversion, so that typer's own is left for the few that do.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from typer.core import TyperCommand, TyperGroup

from .tree import Entry, Group, Panel


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
    """A group of commands, each made when it is asked for."""

    panels: Sequence[Panel] = ()
    make: Callable[[Entry | Group], Any]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        return [entry.name for panel in self.panels for entry in panel.entries]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one command; None if there is none of that name."""
        if cmd_name not in self.commands:
            for panel in self.panels:
                for entry in panel.entries:
                    if entry.name == cmd_name:
                        self.commands[cmd_name] = self.make(entry)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant; name near ones if it is none."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = get_close_matches(args[0], self._shown())
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their panels."""
        for panel in self.panels:
            found = [self.get_command(ctx, e.name) for e in panel.entries if not e.is_hidden]
            rows = [(each.name, each.get_short_help_str(formatter.width - 20)) for each in found]
            if rows:
                with formatter.section(panel.title):
                    formatter.write_dl(rows)

    def _shown(self) -> list[str]:
        return [e.name for panel in self.panels for e in panel.entries if not e.is_hidden]


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
