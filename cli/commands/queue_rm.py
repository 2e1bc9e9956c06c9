"""`rq-agent queue purge` and `rm`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the queue.",
        show_default=False,
        autocompletion=queue_names,
    ),
]

_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")]


def purge(common: Common, name: _Name, yes: _Yes = False) -> int:
    """Cancel all that waits in a queue. Drafts and what runs stay."""
    from .. import config
    from ..queue_emptying import purge_queue
    from ..render.screen import Screen

    settings = config.load(common)
    return purge_queue(settings, Screen(settings), name, is_sure=yes)


def rm(
    common: Common,
    name: _Name,
    yes: _Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Although live workers listen to it.")
    ] = False,
) -> int:
    """Remove a queue whose tasks have all ended."""
    from .. import config
    from ..queue_emptying import remove_queue
    from ..render.screen import Screen

    settings = config.load(common)
    return remove_queue(settings, Screen(settings), name, is_sure=yes, force=force)
