"""The reference of the command line: one page for each command of the first level."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from rq_agent.cli.app import build, made
from rq_agent.cli.examples import EXAMPLES
from rq_agent.cli.help_text import EVERYWHERE, grouped, summary
from rq_agent.cli.option_panels import panels_of
from rq_agent.cli.options import COMMON_NAMES
from rq_agent.cli.tree import ROOT, Entry, Group

from .pages import prose, write_all


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    pages = {f"{entry.name}.md": _page(entry) for entry in _shown(ROOT)}
    write_all(folder, {**pages, "index.md": _index()})


def _index() -> str:
    lines = ["# Command line", "", "Made from `rq-agent --help`.", ""]
    for panel in ROOT.panels:
        lines += [f"## {panel.title}", ""]
        for entry in panel.entries:
            if not entry.is_hidden:
                lines.append(f"- [`rq-agent {entry.name}`]({entry.name}.md): {_says(entry)}")
        lines.append("")
    lines += ["## Everywhere", "", *_options(build(), "rq-agent", everywhere=True)]
    toc = ["```{toctree}", ":hidden:", "", *(entry.name for entry in _shown(ROOT)), "```", ""]
    return "\n".join([*lines, *toc])


def _says(entry: Entry | Group) -> str:
    return summary(entry.help if isinstance(entry, Group) else made(entry).help, 100)


def _page(entry: Entry | Group) -> str:
    if isinstance(entry, Entry):
        return "\n".join(_command(entry, f"rq-agent {entry.name}", level=1))
    lines = [f"# rq-agent {entry.name}", "", entry.help, ""]
    for each in _shown(entry):
        assert isinstance(each, Entry), "groups within groups are not documented yet"
        lines += _command(each, f"rq-agent {entry.name} {each.name}", level=2)
    return "\n".join(lines)


def _command(entry: Entry, path: str, *, level: int) -> list[str]:
    command = made(entry)
    context = typer.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"{'#' * level} {path}", "", "```text", f"{path} {usage}", "```", ""]
    lines += [_paragraphs(command.help), ""]
    lines += _arguments(command, context)
    lines += _options(command, path, everywhere=False)
    examples = EXAMPLES.get(path.removeprefix("rq-agent "), ())
    return [*lines, "**Examples**", "", "```text", *(f"$ {line}" for line in examples), "```", ""]


def _paragraphs(text: str) -> str:
    return "\n\n".join(prose(part) for part in inspect.cleandoc(text).split("\n\n"))


def _arguments(command: Any, context: Any) -> list[str]:
    found = [p for p in command.get_params(context) if p.param_type_name == "argument" and p.help]
    return [line for p in found for line in (f"`{p.metavar or p.name}`", f": {prose(p.help)}", "")]


def _options(command: Any, path: str, *, everywhere: bool) -> list[str]:
    context = typer.Context(command, info_name=path)
    lines = []
    parameters = command.get_params(context)
    panels = panels_of({each.name for each in parameters})
    for title, options in grouped(parameters, panels, COMMON_NAMES).items():
        if (title == EVERYWHERE) is everywhere:
            lines += ["" if everywhere else f"**{title}**", "", *_records(options, context)]
    return lines


def _records(options: Sequence[Any], context: Any) -> Iterator[str]:
    for option in options:
        if (record := option.get_help_record(context)) is not None:
            names, text = record
            yield from (f"`{names}`", f": {prose(text)}", "")


def _shown(group: Group) -> list[Entry | Group]:
    return [entry for panel in group.panels for entry in panel.entries if not entry.is_hidden]
