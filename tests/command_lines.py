"""Parses a command line as the program does, without running it."""

import shlex
from collections.abc import Sequence
from typing import Any

import typer

from rq_agent.cli.app import build


def parse(line: str) -> None:
    """Raise what the program's parser raises on a line that begins with its name."""
    program, *words = shlex.split(line, comments=True)
    assert program == "rq-agent", line
    command, context, rest = find(words)
    command.make_context(context.info_name, rest, parent=context)


def find(words: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """Return the command that words begin with, its context, and the words after it."""
    group: Any = build()
    context: Any = typer.Context(group, info_name="rq-agent")
    rest = list(words)
    while hasattr(group, "panels"):
        name, *rest = rest
        group = group.get_command(context, name)
        assert group is not None, f"no command {name}: {words}"
    return group, context, rest
