"""`rq-agent queue purge` and `rm`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common

_Names = Annotated[
    list[str],
    typer.Argument(
        metavar="QUEUE...",
        help="Names of queues.",
        show_default=False,
        autocompletion=queue_names,
    ),
]

_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")]


def purge(
    common: Common,
    names: _Names,
    yes: _Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many tasks that are.")
    ] = False,
) -> int:
    """Cancel all that waits in some queues. Drafts and what runs stay."""
    from .. import config
    from ..queue_emptying import purge_queues
    from ..render.screen import Screen

    settings = config.load(common)
    return purge_queues(settings, Screen(settings), names, is_sure=yes, dry_run=dry_run)


def rm(
    common: Common,
    names: _Names,
    yes: _Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Although live workers listen to it.")
    ] = False,
) -> int:
    """Remove queues whose tasks have all ended."""
    from .. import config
    from ..queue_emptying import remove_queues
    from ..render.screen import Screen

    settings = config.load(common)
    return remove_queues(settings, Screen(settings), names, is_sure=yes, force=force)
