"""What `edit`, `clone` and `rerun` may change of a task, and what that means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from .completion import queue_names

if TYPE_CHECKING:
    from ..broker.clones import Changes


def _option(*names: str, metavar: str, text: str) -> typer.models.OptionInfo:
    first, *others = names
    option: typer.models.OptionInfo = typer.Option(
        first, *others, help=text, metavar=metavar, show_default=False
    )
    return option


@dataclass(frozen=True)
class ChangeOptions:
    """What is to be otherwise; the rest is as it was."""

    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Another queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = ""
    priority: Annotated[
        str,
        _option("-p", "--priority", metavar="P", text="low, normal, high, or -128 to 127."),
    ] = ""
    name: Annotated[str, _option("-n", "--name", metavar="NAME", text="Another name.")] = ""
    label: Annotated[
        list[str],
        _option(
            "-l", "--label", metavar="KEY=VALUE", text="Label to set; KEY- removes it. Repeatable."
        ),
    ] = field(default_factory=list)
    set: Annotated[
        list[str],
        _option("--set", metavar="NAME=VALUE", text="Parameter to override, beside those of it."),
    ] = field(default_factory=list)
    unset: Annotated[
        list[str],
        _option("--unset", metavar="NAME", text="Parameter not to override any more."),
    ] = field(default_factory=list)
    env: Annotated[
        list[str],
        _option(
            "--env",
            metavar="NAME[=VALUE]",
            text="Environment variable to add or replace; NAME- removes it.",
        ),
    ] = field(default_factory=list)
    timeout: Annotated[
        str,
        _option(
            "--timeout", metavar="TIME", text="Stop it after this long: 90s, 30m, 6h; 0: never."
        ),
    ] = ""
    grace: Annotated[
        str, _option("--grace", metavar="TIME", text="Time from SIGTERM to SIGKILL when stopped.")
    ] = ""
    gpus: Annotated[str, _option("--gpus", metavar="N", text="GPUs that it needs.")] = ""
    cpus: Annotated[
        str, _option("--cpus", metavar="N", text="CPUs that it needs: 4, 0.5; 0: no claim.")
    ] = ""
    mem: Annotated[
        str, _option("--mem", metavar="SIZE", text="Memory that it needs: 500M, 32G; 0: no claim.")
    ] = ""

    mem_limit: Annotated[
        str,
        _option(
            "--mem-limit", metavar="SIZE", text="Memory above which it is killed: 32G; 0: none."
        ),
    ] = ""


@dataclass(frozen=True)
class CloneOptions(ChangeOptions):
    """What is to be otherwise of a new task; the rest is as it was."""

    delay: Annotated[
        str, _option("--delay", metavar="TIME", text="Start it no sooner than after this long.")
    ] = ""
    at: Annotated[
        str, _option("--at", metavar="TIME", text="Start it no sooner than then: 2031-05-01T18:00.")
    ] = ""
    unique: Annotated[
        str,
        _option("--unique", metavar="KEY", text="Another unique key; none: give it no key."),
    ] = ""


def changes_of(
    options: ChangeOptions, *, is_draft: bool, environ: Mapping[str, str], now_ms: int
) -> "Changes":
    """Return the changes that the options ask for; raise UsageError for what can't be."""
    from . import changing

    changes = changing.changes_of(options, environ=environ)
    if isinstance(options, CloneOptions):
        changes = changing.placed(
            changes, options, is_draft=is_draft, environ=environ, now_ms=now_ms
        )
    return changes
