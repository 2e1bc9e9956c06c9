"""`rq-agent enqueue`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..filter_options import FilterOptions, Tasks
from ..options import Common


def enqueue(
    common: Common,
    which: FilterOptions,
    tasks: Tasks = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="NAME",
            help="Queue to put them in; else their own.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = "",
    priority: Annotated[
        str,
        typer.Option(
            "-p",
            "--priority",
            metavar="P",
            help="low, normal, high, or -128 to 127; else their own.",
            show_default=False,
        ),
    ] = "",
    delay: Annotated[
        str,
        typer.Option(
            "--delay",
            metavar="TIME",
            help="Start them no sooner than after this long.",
            show_default=False,
        ),
    ] = "",
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Start them no sooner than then: 2031-05-01T18:00.",
            show_default=False,
        ),
    ] = "",
    drop_parents: Annotated[
        bool, typer.Option("--drop-parents", help="Don't wait for other tasks any more.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Cancel a task that has the unique key and has not started."
        ),
    ] = False,
) -> int:
    """Put drafts on a queue, behind the others of their priority."""
    from .. import config
    from ..drafting import enqueue_drafts, placement_of
    from ..render.screen import Screen

    settings = config.load(common)
    placement = placement_of(
        to=to,
        priority=priority,
        delay=delay,
        at=at,
        drops_parents=drop_parents,
        replaces=replace,
        environ=config.variables(),
    )
    return enqueue_drafts(settings, Screen(settings), tasks or (), which, placement)
