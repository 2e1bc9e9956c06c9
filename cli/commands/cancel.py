"""`rq-agent cancel`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def cancel(
    common: Common,
    tasks: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK...",
            help="Ids, beginnings of them, names, or last.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ],
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="TIME",
            help="From SIGTERM to SIGKILL; else the task's own.",
            show_default=False,
        ),
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Told to people.", show_default=False)
    ] = "",
) -> None:
    """Cancel tasks: take them off their queue, or stop them."""
    from .. import config
    from ..cancelling import cancel_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    cancel_tasks(settings, Screen(settings), tasks, grace=grace, reason=reason)
