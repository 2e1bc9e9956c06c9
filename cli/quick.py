"""Commands that start fast: typer converts every value with pydantic, whose import takes 60 ms.

All of our options are texts, lists of texts or flags; values.py makes numbers of them. Such
values need no conversion, so that typer's own is left for the few that do.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from .examples import EXAMPLES
from .help_text import grouped, summary
from .option_panels import panels_of
from .options import COMMON_NAMES
from .tree import Entry, Group, Panel

_OTHER_WORDS: Final = {
    "agent": ("work",),
    "daemon": ("work",),
    "delete": ("rm",),
    "exec": ("run",),
    "info": ("show",),
    "inspect": ("show",),
    "jobs": ("ps",),
    "kill": ("cancel", "stop"),
    "list": ("ps", "ls"),
    "ls": ("ps",),
    "queues": ("queue",),
    "remove": ("rm",),
    "requeue": ("rerun",),
    "retry": ("rerun",),
    "start": ("up", "work", "resume"),
    "status": ("ps", "show"),
    "stop": ("cancel", "down", "pause"),
    "tail": ("logs",),
    "tasks": ("ps",),
    "workers": ("worker",),
}
"""What other programs call our commands, and people who are new type."""


class _Quick:
    """Makes a command of typer take plain values as they are."""

    def get_params(self, context: Any) -> list[Any]:
        """Return the parameters, `--help` among them, which typer adds late."""
        parameters: list[Any] = super().get_params(context)  # type: ignore[misc]
        for parameter in parameters:
            if not isinstance(parameter.process_value, _PlainValues):
                parameter.process_value = _PlainValues(parameter)
        return parameters

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then options in sections: our own last."""
        parameters = self.get_params(ctx)
        if rows := [(p.metavar or p.name, p.help) for p in _arguments(parameters) if p.help]:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        panels = panels_of({each.name for each in parameters})
        for title, options in grouped(parameters, panels, COMMON_NAMES).items():
            _write(ctx, formatter, title, options)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the command's name in the line of its usage."""
        names = [
            shown if p.required or shown.startswith("[") else f"[{shown}]"
            for p in _arguments(self.get_params(ctx))
            for shown in [p.metavar or p.name]
        ]
        return ["[OPTIONS]", *names]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, as they would be typed."""
        path = ctx.command_path.split(" ", 1)[1:]
        if lines := EXAMPLES.get(path[0] if path else "", ()):
            with formatter.section("Examples"):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class QuickCommand(_Quick, TyperCommand):
    """A command."""


class QuickGroup(_Quick, TyperGroup):
    """A group of commands, each made when it is asked for."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the group's name in the line of its usage."""
        return ["[OPTIONS]", "COMMAND ..."]

    panels: Sequence[Panel] = ()
    make: Callable[[Entry | Group], Any]
    usual: str = ""
    """The command that is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command's name in front where it was left out."""
        if self.usual and args and args[0] not in (*self.list_commands(ctx), "-h", "--help"):
            args = [self.usual, *args]
        return super().parse_args(ctx, args)

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
            shown = self._shown()
            other_words = [name for name in _OTHER_WORDS.get(args[0], ()) if name in shown]
            near = other_words or get_close_matches(args[0], shown)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their panels, then the options."""
        width = max(len(name) for name in self._shown())
        for panel in self.panels:
            found = [self.get_command(ctx, e.name) for e in panel.entries if not e.is_hidden]
            limit = formatter.width - width - 4
            rows = [(each.name.ljust(width), summary(each.help, limit)) for each in found]
            if rows:
                with formatter.section(panel.title):
                    formatter.write_dl(rows)
        super().format_options(ctx, formatter)

    def _shown(self) -> list[str]:
        return [e.name for panel in self.panels for e in panel.entries if not e.is_hidden]


class _PlainValues:
    """Stands in for a parameter's conversion, and calls it for what is not plain."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter
        self._convert = parameter.process_value

    def __call__(self, context: Any, value: Any) -> Any:
        if _has_empty(value) and self._is_written(context):
            name = self._parameter.opts[-1]
            name = name if name.startswith("-") else (self._parameter.metavar or name).strip("[].")
            context.fail(f"the value of {name} is empty: give one, or leave it out")
        if not value and not self._parameter.required:
            return value
        if value and self._parameter.callback is None and _is_plain(value):
            return list(value) if isinstance(value, tuple) else value
        return self._convert(context, value)

    def _is_written(self, context: Any) -> bool:
        """Return whether a person wrote the value, and not as an argument of a script."""
        source = context.get_parameter_source(self._parameter.name)
        is_ours = context.command.allow_interspersed_args or self._parameter.nargs != -1
        return is_ours and source is not None and source.name == "COMMANDLINE"


def _has_empty(value: Any) -> bool:
    return value == "" or (isinstance(value, (list, tuple)) and "" in value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, (str, bool))


def _arguments(parameters: Sequence[Any]) -> list[Any]:
    return [each for each in parameters if each.param_type_name == "argument"]


def _write(ctx: Any, formatter: Any, title: str, parameters: Sequence[Any]) -> None:
    records = [found for p in parameters if (found := p.get_help_record(ctx)) is not None]
    if records:
        with formatter.section(title):
            formatter.write_dl(records)
