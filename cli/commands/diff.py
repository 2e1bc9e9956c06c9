"""`rq-agent diff`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common

_HELP = "Id, the beginning of one, name, or last."


def diff(
    common: Common,
    first: Annotated[
        str,
        typer.Argument(metavar="A", help=_HELP, show_default=False, autocompletion=task_ids),
    ],
    second: Annotated[
        str,
        typer.Argument(metavar="B", help=_HELP, show_default=False, autocompletion=task_ids),
    ],
    everything: Annotated[bool, typer.Option("-a", "--all", help="Also what is equal.")] = False,
    patch: Annotated[
        bool, typer.Option("-p", "--patch", help="Also the lines of code that differ.")
    ] = False,
) -> None:
    """Show what is different between two tasks: parameters, arguments, code, packages, needs, end."""
    from .. import config
    from ..comparing import compare_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    compare_tasks(
        settings, Screen(settings), first, second, everything=everything, wants_patch=patch
    )
