"""`rq-agent why`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def why(
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
    """Say why a task waits, and what can be done about it."""
    from .. import config
    from ..explaining import explain_task
    from ..render.screen import Screen

    settings = config.load(common)
    explain_task(settings, Screen(settings), task)
