"""`rq-agent queue create`, `pause` and `resume`."""

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


def create(
    common: Common,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the queue.", show_default=False)
    ],
    description: Annotated[
        str,
        typer.Option(
            "-d", "--description", metavar="TEXT", help="Told to people.", show_default=False
        ),
    ] = "",
) -> None:
    """Make a queue, or describe one. A queue also appears with its first task."""
    from .. import config
    from ..queue_changes import create_queue
    from ..render.screen import Screen

    settings = config.load(common)
    create_queue(settings, Screen(settings), name, description=description)


def pause(common: Common, names: _Names) -> None:
    """Let no task of some queues be claimed. What runs goes on."""
    from .. import config
    from ..queue_changes import pause_queues
    from ..render.screen import Screen

    settings = config.load(common)
    pause_queues(settings, Screen(settings), names)


def resume(common: Common, names: _Names) -> None:
    """Let tasks of paused queues be claimed again."""
    from .. import config
    from ..queue_changes import resume_queues
    from ..render.screen import Screen

    settings = config.load(common)
    resume_queues(settings, Screen(settings), names)
