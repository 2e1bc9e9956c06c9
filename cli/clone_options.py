"""What `clone` and `rerun` may change, and what that means."""

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
class CloneOptions:
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
        _option("-l", "--label", metavar="KEY=VALUE", text="Label to add, or to replace."),
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
        _option("--env", metavar="NAME[=VALUE]", text="Environment variable to add or replace."),
    ] = field(default_factory=list)
    timeout: Annotated[
        str, _option("--timeout", metavar="TIME", text="Stop it after this long: 90s, 30m, 6h.")
    ] = ""
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
    options: CloneOptions, *, is_draft: bool, environ: Mapping[str, str], now_ms: int
) -> "Changes":
    """Return the changes that the options ask for; raise UsageError for what can't be."""
    from ..broker.clones import Changes
    from ..broker.errors import UsageError
    from ..broker.names import check_queue
    from . import values
    from .local_zone import local_zone
    from .start_options import at_ms

    if options.queue:
        check_queue(options.queue)
    if options.at and options.delay:
        raise UsageError("--at and --delay are two times to start at; give one of them")
    if is_draft and (options.at or options.delay):
        raise UsageError("a draft has no time to start at; give it to rq-agent enqueue")
    unique = {"": None, "none": ""}.get(options.unique, options.unique)
    return Changes(
        queue=options.queue,
        priority=values.priority(options.priority) if options.priority else None,
        name=options.name,
        labels=values.pairs(options.label, "--label"),
        params=values.pairs(options.set, "--set"),
        without_params=tuple(options.unset),
        env=values.variables(options.env, environ),
        timeout_s=values.duration_s(options.timeout, "--timeout") if options.timeout else None,
        delay_ms=int(values.duration_s(options.delay, "--delay") * 1000) if options.delay else 0,
        at_ms=at_ms(options.at, zone=local_zone(environ), now_ms=now_ms) if options.at else 0,
        unique=unique,
        is_draft=is_draft,
    )
