"""`rq-agent label`."""

from typing import Annotated

import typer

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def label(
    common: Common,
    which: FilterOptions,
    tasks: Tasks = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Label to set; may be repeated.", show_default=False
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove", metavar="KEY", help="Label to remove; may be repeated.", show_default=False
        ),
    ] = None,
) -> int:
    """Set and remove labels of tasks, whatever their state."""
    from .. import config
    from ..labelling import label_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    return label_tasks(
        settings, Screen(settings), tasks or (), which, labels=set_ or (), remove=remove or ()
    )
