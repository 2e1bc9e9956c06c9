"""`rq-agent result`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def result(
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
    """Print what a function returned, as JSON."""
    from .. import config
    from ..render.screen import Screen
    from ..results import show_result

    settings = config.load(common)
    show_result(settings, Screen(settings), task)
