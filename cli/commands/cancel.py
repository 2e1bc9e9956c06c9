"""`rq-agent cancel`."""

from typing import Annotated

import typer

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def cancel(
    common: Common,
    which: FilterOptions,
    tasks: Tasks = None,
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="TIME",
            help="From SIGTERM to SIGKILL; else the task's own.",
            show_default=False,
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Kill at once: SIGKILL, no time to save anything.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Told to people.", show_default=False)
    ] = "",
) -> int:
    """Cancel tasks: take them off their queue, or stop them."""
    from .. import config
    from ..cancelling import Ending, cancel_all, cancel_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    screen = Screen(settings)
    ending = Ending(grace=grace, force=force, reason=reason)
    if tasks:
        return cancel_tasks(settings, screen, tasks, which, ending)
    return cancel_all(settings, screen, which, ending)
