"""`rq-agent worker drain`, `undrain` and `stop`."""

from typing import Annotated

import typer

from ..completion import worker_names
from ..options import Common

_Names = Annotated[
    list[str],
    typer.Argument(
        metavar="WORKER...",
        help="Names of workers.",
        show_default=False,
        autocompletion=worker_names,
    ),
]


def drain(common: Common, workers: _Names) -> None:
    """Let workers claim no more, and stop when their tasks have ended."""
    from .. import config
    from ..fleet import drain_workers
    from ..render.screen import Screen

    settings = config.load(common)
    drain_workers(settings, Screen(settings), workers)


def undrain(common: Common, workers: _Names) -> None:
    """Let workers that drain claim again, if they have not stopped yet."""
    from .. import config
    from ..fleet import undrain_workers
    from ..render.screen import Screen

    settings = config.load(common)
    undrain_workers(settings, Screen(settings), workers)


def stop(common: Common, workers: _Names) -> None:
    """Let workers give their tasks back, into their own places, and stop now."""
    from .. import config
    from ..fleet import stop_workers
    from ..render.screen import Screen

    settings = config.load(common)
    stop_workers(settings, Screen(settings), workers)
