"""`rq-agent label`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..filter_options import FilterOptions
from ..options import Common


def label(
    common: Common,
    which: FilterOptions,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK... KEY=VALUE... KEY-...",
            help="Tasks, by ids, beginnings of them, names, or last, and labels to set or to "
            "remove; or say by options which tasks.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ] = None,
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
    """Set and remove labels of tasks, whatever their state.

    `KEY=VALUE` sets one, `KEY-` removes it.
    """
    from .. import config
    from ..labelling import label_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    return label_tasks(
        settings, Screen(settings), words or (), which, labels=set_ or (), remove=remove or ()
    )
