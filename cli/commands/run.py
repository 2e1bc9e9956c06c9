"""`rq-agent run`."""

from typing import Annotated

import typer

from ..options import Common, StartOptions, TaskOptions


def run(
    common: Common,
    task: TaskOptions,
    start: StartOptions,
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="Script to run.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]", help="The script's own arguments.")
    ] = None,
) -> int:
    """Run a script through its queue and show its output; exit with its code.

    Starts what is missing: a server where none is configured, a worker where none listens.
    Options before SCRIPT are rq-agent's, the ones after it are the script's own.
    """
    from ..launching import Launch

    return Launch(common, task, start, script, arguments or ()).run()
