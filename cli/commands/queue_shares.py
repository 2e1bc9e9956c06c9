"""`rq-agent queue limit`, `weight` and `ageing`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common

_Names = Annotated[
    list[str],
    typer.Argument(
        metavar="QUEUE...",
        help="Names of queues.",
        show_default=False,
        autocompletion=queue_names,
    ),
]


def limit(
    common: Common,
    names: _Names,
    most: Annotated[
        str, typer.Argument(metavar="N|none", help="Tasks at a time.", show_default=False)
    ],
) -> None:
    """Let only so many tasks of a queue run at a time: of each, where several are named."""
    from .. import config
    from ..queue_changes import limit_queues
    from ..render.screen import Screen

    settings = config.load(common)
    limit_queues(settings, Screen(settings), names, most)


def weight(
    common: Common,
    names: _Names,
    value: Annotated[
        str, typer.Argument(metavar="W", help="0.001 to 1000000; 1 is usual.", show_default=False)
    ],
) -> None:
    """Give queues a larger or smaller share under round robin."""
    from .. import config
    from ..queue_changes import weigh_queues
    from ..render.screen import Screen

    settings = config.load(common)
    weigh_queues(settings, Screen(settings), names, value)


def ageing(
    common: Common,
    names: _Names,
    after: Annotated[
        str, typer.Argument(metavar="TIME|off", help="90s, 30m, 6h, 1d.", show_default=False)
    ],
) -> None:
    """Let tasks rise by one priority each time they waited so long."""
    from .. import config
    from ..queue_changes import age_queues
    from ..render.screen import Screen

    settings = config.load(common)
    age_queues(settings, Screen(settings), names, after)
