"""`rq-agent submit`."""

from typing import Annotated

import typer

from ..options import Common, StartOptions, TaskOptions


def submit(
    common: Common,
    task: TaskOptions,
    start: StartOptions,
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="Script to run.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]", help="The script's own arguments.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Stay, and show phases and output.")
    ] = False,
) -> int:
    """Put a script on a queue; print the id of the task.

    Options before SCRIPT are rq-agent's, the ones after it are the script's own.
    """
    from ..launching import Launch

    launch = Launch(common, task, start, script, arguments or ())
    return launch.submit_and_follow() if follow else launch.submit()
