"""`rq-agent queue show`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common


def queue_show(
    common: Common,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name of the queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Count what happened in the last TIME.")
    ] = "1h",
) -> None:
    """Show a queue: its settings, what is in it, how fast it goes and how long tasks wait."""
    from .. import config
    from ..queue_details import show_queue
    from ..render.screen import Screen

    settings = config.load(common)
    show_queue(settings, Screen(settings), name, since=since)
