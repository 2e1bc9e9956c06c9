"""`rq-agent ps`."""

from typing import Annotated, Final

import typer

from ..completion import queue_names, worker_names
from ..options import Common

_LIMIT: Final = "30"
_EVERY: Final = "0.5s"


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
    name: Annotated[
        str, typer.Option("-n", "--name", metavar="NAME", help="Of one name.", show_default=False)
    ] = "",
    worker: Annotated[
        str,
        typer.Option(
            "--worker",
            metavar="NAME",
            help="That run on one worker, or ran there last.",
            show_default=False,
            autocompletion=worker_names,
        ),
    ] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Of mine.")] = False,
    limit: Annotated[
        str, typer.Option("--limit", metavar="N", help="At most so many that don't run.")
    ] = _LIMIT,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="LIST",
            help="Columns like id,state,exit; +labels,exit for the usual ones too; all; help "
            "lists them.",
            show_default=False,
        ),
    ] = "",
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="COLUMN", help="By a column; -COLUMN: backwards.", show_default=False
        ),
    ] = "",
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Redraw it whenever something happens.")
    ] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="With -w: no more often than this.")
    ] = _EVERY,
) -> int:
    """List tasks: what runs, then the newest others."""
    from ...broker.errors import UsageError
    from .. import config, listing, values
    from ..render import task_columns
    from ..render.screen import Screen

    count = values.whole(limit, "--limit", least=1, most=100_000)
    every_s = values.duration_s(every, "--every")
    if every != _EVERY and not watch:
        raise UsageError("--every does nothing without --watch; add -w")
    if every_s < listing.LEAST_S:
        raise UsageError(f"--every {every}: at least {listing.LEAST_S}s")
    if everything and limit != _LIMIT:
        raise UsageError("--all shows all of them, and --limit only some; use one of them")
    settings = config.load(common)
    screen = Screen(settings)
    if columns == "help":
        listing.show_columns(screen)
        return 0
    listed = listing.Listed(
        filters=listing.filters_of(
            queue=queue,
            states=state or (),
            user=user,
            label=label,
            name=name,
            worker=worker,
            is_mine=mine,
        ),
        limit=None if everything else count,
        columns=task_columns.chosen(columns),
        order=task_columns.sorting(sort) if sort else None,
    )
    if not screen.json:
        listed = listing.bounded(listed)
    if watch:
        from .. import watching  # imports the client, which a look does without

        watching.check_terminal(screen)
        return watching.watch(settings, screen, listed, every_s=every_s)
    listing.show(settings, screen, listed)
    return 0
