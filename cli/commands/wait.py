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
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="TIME", help="Give up after this long: 90s.", show_default=False
        ),
    ] = "",
) -> int:
    """Wait until tasks have ended.

    Exits with the task's own code; of several with 1 unless all succeeded; 124 after the timeout.
    """
    from .. import config
    from ..render.screen import Screen
    from ..waiting import wait_for

    settings = config.load(common)
    return wait_for(settings, Screen(settings), tasks, timeout)
