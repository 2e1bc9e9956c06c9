"""`rq-agent worker show`."""

from typing import Annotated

import typer

from ..completion import worker_names
from ..options import Common


def worker_show(
    common: Common,
    name: Annotated[
        str,
        typer.Argument(
            metavar="WORKER",
            help="Name of the worker.",
            show_default=False,
            autocompletion=worker_names,
        ),
    ],
    everything: Annotated[
        bool, typer.Option("-a", "--all", help="All light tasks that it runs, not the newest 20.")
    ] = False,
) -> None:
    """Show a worker: what it hands out, what it runs, how loaded its machine is."""
    from .. import config
    from ..render.screen import Screen
    from ..worker_details import show_worker

    settings = config.load(common)
    show_worker(settings, Screen(settings), name, with_all=everything)
