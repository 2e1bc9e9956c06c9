"""`rq-agent queue limit`, `weight` and `ageing`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the queue.",
        show_default=False,
        autocompletion=queue_names,
    ),
]


def limit(
    common: Common,
    name: _Name,
    most: Annotated[
        str, typer.Argument(metavar="N|none", help="Tasks at a time.", show_default=False)
    ],
) -> None:
    """Let only so many tasks of a queue run at a time."""
    from .. import config
    from ..queue_changes import limit_queue
    from ..render.screen import Screen

    settings = config.load(common)
    limit_queue(settings, Screen(settings), name, most)


def weight(
    common: Common,
    name: _Name,
    value: Annotated[
        str, typer.Argument(metavar="W", help="0.001 to 1000000; 1 is usual.", show_default=False)
    ],
) -> None:
    """Give a queue a larger or smaller share under round robin."""
    from .. import config
    from ..queue_changes import weigh_queue
    from ..render.screen import Screen

    settings = config.load(common)
    weigh_queue(settings, Screen(settings), name, value)


def ageing(
    common: Common,
    name: _Name,
    after: Annotated[
        str, typer.Argument(metavar="TIME|off", help="90s, 30m, 6h, 1d.", show_default=False)
    ],
) -> None:
    """Let tasks rise by one priority each time they waited so long."""
    from .. import config
    from ..queue_changes import age_queue
    from ..render.screen import Screen

    settings = config.load(common)
    age_queue(settings, Screen(settings), name, after)
