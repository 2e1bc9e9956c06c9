"""`rq-agent show`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def show(
    common: Common,
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="Id, the beginning of one, name, or last.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ],
) -> None:
    """Show everything that is known about a task."""
    from .. import config
    from ..details import show_task
    from ..render.screen import Screen

    settings = config.load(common)
    show_task(settings, Screen(settings), task)
