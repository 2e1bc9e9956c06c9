"""`rq-agent archive` and `archive ls`."""

from typing import Annotated

import typer

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def archive_add(common: Common, which: FilterOptions, tasks: Tasks = None) -> int:
    """Let tasks that ended leave Redis now, as soon as the archive has them."""
    from ...broker.states import FINAL
    from ...broker.verbs import archiving
    from .. import config
    from ..acting import Deed, act
    from ..render.screen import Screen

    settings = config.load(common)
    deed = Deed(what="archive", make=archiving, states=FINAL)
    return act(settings, Screen(settings), tasks or (), which, deed)


def archive_ls(
    common: Common,
    queue: Annotated[
        str,
        typer.Option("-q", "--queue", metavar="NAME", help="Of one queue.", show_default=False),
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
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="At most so many.")] = "30",
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="ID",
            help="Older than this task: the next page.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """List what is in the archive, newest first; also what has not left Redis yet."""
    from .. import archive_listing, config, values
    from ..render.screen import Screen

    count = values.whole(limit, "--limit", least=1, most=100_000)
    filters = archive_listing.filters_of(
        queue=queue, states=state or (), user=user, label=label, name=name
    )
    settings = config.load(common)
    archive_listing.show(settings, Screen(settings), filters, limit=count, before=before)
