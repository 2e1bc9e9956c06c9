"""`rq-agent ps`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common


def ps(
    common: Common,
    everything: Annotated[
        bool, typer.Option("-a", "--all", help="All tasks, not the newest.")
    ] = False,
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Of one queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = "",
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="In one state; may be repeated."),
    ] = None,
    user: Annotated[
        str, typer.Option("-u", "--user", metavar="NAME", help="Of one user.", show_default=False)
    ] = "",
    label: Annotated[
        str,
        typer.Option(
            "-l", "--label", metavar="KEY[=VALUE]", help="With a label.", show_default=False
        ),
    ] = "",
    limit: Annotated[
        str, typer.Option("--limit", metavar="N", help="At most so many that don't run.")
    ] = "30",
) -> None:
    """List tasks: what runs, then the newest others."""
    from .. import config, listing, values
    from ..render.screen import Screen

    count = values.whole(limit, "--limit", least=1, most=100_000)
    settings = config.load(common)
    filters = listing.filters_of(queue=queue, states=state or (), user=user, label=label)
    listing.show(settings, Screen(settings), filters, limit=None if everything else count)
