"""`rq-agent wait`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def wait(
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
    is_any: Annotated[
        bool, typer.Option("--any", help="Until the first of them; exit with its code.")
    ] = False,
    until: Annotated[
        str, typer.Option("--for", metavar="WHAT", help="started (a worker has it) or finished.")
    ] = "finished",
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="TIME", help="Give up after this long: 90s.", show_default=False
        ),
    ] = "",
) -> int:
    """Wait until tasks have ended, or started.

    Exits with the task's own code; of several with 1 unless all succeeded; 124 after the timeout.
    With --for started: 0 once they have.
    """
    from .. import config
    from ..render.screen import Screen
    from ..waiting import wait_for, wanted

    wish = wanted(until=until, is_any=is_any, timeout=timeout)
    settings = config.load(common)
    return wait_for(settings, Screen(settings), tasks, wish)
